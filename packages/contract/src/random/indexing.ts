import { bind } from '@flowmap/tensor';
import { at, integers, normal, type Case } from '@flowmap/tensor/testing';
import fc from 'fast-check';
import { extent, shape, shown } from './shapes.js';

export const indexing: fc.Arbitrary<Case> = fc
  .record({ rows: extent, row: shape(0, 3), indices: shape(0, 3) })
  .chain(({ rows, row, indices }) => {
    const index = integers(indices, 0, rows);
    const [table, picked] = [
      [rows, ...row],
      [...indices, ...row],
    ];
    return fc.constantFrom(
      at(`gather from ${shown(table)} by ${shown(indices)}`, [normal(table), index], (x, i) => x.square().gather(i)),
      at(`scatterAdd of ${shown(picked)} to ${rows} rows`, [normal(picked), index], (x, i) =>
        bind('scatterAdd', [x.square(), i], { count: rows }),
      ),
      at(`gather of int32 from ${shown(table)} by ${shown(indices)}`, [integers(table, -9, 9), index], (x, i) =>
        x.gather(i),
      ),
    );
  });
