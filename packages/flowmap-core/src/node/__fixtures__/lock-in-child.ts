// Locks the folder given as its argument when told to, reports whether it got it, and holds it until its input ends.
import { FolderInUseError } from '../../errors.js';
import { lockFolder } from '../lock-folder.js';

process.stdout.write('ready\n');
process.stdin.once('data', () => {
  try {
    lockFolder(process.argv[2]!);
    process.stdout.write('held\n');
  } catch (error) {
    process.stdout.write(error instanceof FolderInUseError ? 'refused\n' : `${String(error)}\n`);
  }
});
