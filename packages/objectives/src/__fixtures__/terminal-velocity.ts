import { conditionalVelocity, interpolate, perSample, type Objective } from '@flowmap/core';
import { full, jvp, stopGradient } from '@flowmap/tensor';
import { meanNorm, squaredError } from '../internal/norms.js';
import { logUniformLengths, sampleIntervals } from '../intervals.js';

/**
 * Terminal velocity matching ("Terminal velocity matching", 2025, arXiv 2511.19797), from data alone:
 * `|| d f(x_t, t, s) / ds - u_sg(f_sg, s) ||^2 + || u(x_s, s) - v_s ||^2` with `u(x, s) = F(x, s, s)`. The map's
 * endpoint moves with the velocity that the same network gives there, which is learned by flow matching. The gradient
 * flows through the derivative.
 */
export function terminalVelocity(): Objective {
  return {
    name: 'terminal-velocity',
    config: {},
    needs: { teacher: false },
    schedules: {},
    draw: (key, batchSize) => sampleIntervals(key, batchSize, logUniformLengths()),
    loss({ student, x0, noise, xt, path, t, s }) {
      // d f / ds = F + (s - t) dF/ds; the gradient flows through both terms.
      const [F, dFds] = jvp((end) => student.averageVelocity(xt, t, end), [s], [full(1, s.shape)]);
      const step = perSample(s.sub(t), xt);
      const terminal = F.add(step.mul(dFds));
      const end = stopGradient(xt.add(step.mul(F)));
      const target = stopGradient(student.averageVelocity(end, s, s));

      const xs = interpolate(x0, noise, s, path);
      const matching = squaredError(student.averageVelocity(xs, s, s), conditionalVelocity(x0, noise, s, path));
      return {
        loss: squaredError(terminal, target).add(matching),
        metrics: { terminalError: meanNorm(terminal.sub(target)) },
      };
    },
  };
}
