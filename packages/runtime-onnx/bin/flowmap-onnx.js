#!/usr/bin/env node
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { runCli } from '@flowmap/runtime-onnx/node';

process.exitCode = await runCli(process.argv.slice(2), fileURLToPath(import.meta.url));
