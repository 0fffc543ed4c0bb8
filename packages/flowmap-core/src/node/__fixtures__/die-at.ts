// Loaded before a script, this kills the process at its first call of the function of node:fs that FLOWMAP_DIE_AT
// names.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

const functions = fs as unknown as Record<string, unknown>;
functions[process.env['FLOWMAP_DIE_AT']!] = () => process.kill(process.pid, 'SIGKILL');
syncBuiltinESMExports();
