// Takes the folder that is its argument when it is told to, says whether it got it, and keeps it until its input ends.
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
