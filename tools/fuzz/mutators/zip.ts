import { deflated, zipOf, type ZipMember } from '../../../packages/eval/src/__fixtures__/zip-of.js';
import { readZip, unpack } from '../../../packages/eval/src/archives/zip.js';
import type { Random } from '../random.js';
import { changed, mutateBytes, setWord } from './bytes.js';
import { edges, MAX_LENGTH, type Mutator } from './mutator.js';

/** A file of an archive, unpacked. */
interface File {
  readonly name: string;
  readonly data: Uint8Array;
}

const names = ['', 'a', '../a', '\u001b[2J', '\u202e', 'x'.repeat(300), 'a/data.pkl', 'mu.npy', '__proto__.npy'];

/**
 * Changes in a zip archive: in its files, by a mutator for each, with checksums and sizes corrected; in what it says
 * about them; files that occur twice or overlap; in its directory; and anywhere.
 *
 * @param mutatorOf the mutator for a file of this name
 */
export function withinZip(mutatorOf: (name: string) => Mutator): Mutator {
  return (bytes, random, other) => {
    const files = filesOf(bytes);
    if (files.length === 0 || random.once(10)) return mutateBytes(bytes, random, other);
    const at = random.below(files.length);
    const { name, data } = files[at]!;
    switch (random.below(12)) {
      case 0:
        return archive(files.toSpliced(at, 1), random);
      case 1:
        return archive([...files, random.once(2) ? files[at]! : { name, data: random.pick(files).data }], random);
      case 2:
        return archive(files.with(at, { name: random.pick([...names, random.pick(files).name]), data }), random);
      case 3:
        return archive(files, random, (member) => lied(member, random));
      case 4: {
        const whole = archive(files, random);
        return changed(whole, (copy) =>
          setWord(copy, copy.length - 1 - random.below(Math.min(400, copy.length)), random),
        );
      }
      case 5:
        return random.once(4)
          ? archive(files.with(at, { name, data: new Uint8Array(random.pick([2 ** 16, 2 ** 20, 2 ** 24])) }), random)
          : archive([...files, ...filesOf(other)], random);
      default: {
        const others = filesOf(other);
        const from = others.find((file) => file.name === name) ?? random.pick(files);
        return archive(files.with(at, { name, data: mutatorOf(name)(data, random, from.data) }), random);
      }
    }
  };
}

/** The files of an archive; none if it cannot be read. */
function filesOf(bytes: Uint8Array): File[] {
  try {
    const entries = [...readZip(bytes).values()];
    if (entries.reduce((sum, { size }) => sum + size, 0) > 16 * MAX_LENGTH) return [];
    return entries.map((entry) => ({ name: entry.name, data: unpack(entry, false) }));
  } catch {
    return [];
  }
}

/** Files as an archive, each stored or compressed; compressed if it would be too long. */
function archive(
  files: readonly File[],
  random: Random,
  change = (member: ZipMember): ZipMember => member,
): Uint8Array {
  const members = files.map(({ name, data }) =>
    change(data.length > MAX_LENGTH / 4 || random.once(2) ? deflated(name, data) : { name, data }),
  );
  return zipOf(members, random.once(2)).subarray(0, MAX_LENGTH);
}

/** A false statement about a member, in one of two cases. */
function lied(member: ZipMember, random: Random): ZipMember {
  if (random.once(2)) return member;
  switch (random.below(5)) {
    case 0:
      return { ...member, method: random.pick([0, 1, 8, 9, 12, 14, 99]) };
    case 1:
      return { ...member, flags: random.pick([1, 8, 0x40, 0x800, 0x2000]) };
    case 2:
      return { ...member, crc: random.below(2 ** 32) };
    case 3:
      return { ...member, offset: random.pick([0, 1, ...edges]) };
    default:
      return { ...member, size: random.pick(edges) };
  }
}
