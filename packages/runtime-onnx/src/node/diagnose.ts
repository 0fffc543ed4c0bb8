import { createRequire } from 'node:module';
import { adviceFor } from '../advice.js';
import { promising } from '../device.js';
import { devices, type Device } from '../devices.js';
import { findCApi } from '../in-place/open.js';
import { inspectSystem, type System } from '../system.js';
import { probeInChild, type ProbeProgram } from './probe-in-child.js';
import type { Probe } from './probe.js';

/** Which devices work on a machine, and what to do about the others. */
export interface Diagnosis {
  readonly system: System;
  /** Version of Node, like `v22.1.0`. */
  readonly node: string;
  /** Version of onnxruntime-node; undefined if it is not installed. */
  readonly onnxruntime: string | undefined;
  /** Why programs on the CPU do not compute in place, through the package `koffi`; undefined if they do. */
  readonly notInPlace: string | undefined;
  readonly probes: Readonly<Record<Device, Probe>>;
  /** The device that `onnxRuntime({ device: 'auto' })` chooses; undefined if none works. */
  readonly chosen: Device | undefined;
  /** What to do about each device that does not work. */
  readonly advice: Readonly<Partial<Record<Device, string>>>;
}

/** Tries every device in turn, each in a process of its own. */
export async function diagnose(prober: ProbeProgram): Promise<Diagnosis> {
  const system = inspectSystem();
  const probes: Partial<Record<Device, Probe>> = {};
  const advice: Partial<Record<Device, string>> = {};
  for (const device of devices) {
    const probe = await probeInChild(device, prober);
    probes[device] = probe;
    if (!probe.works) advice[device] = adviceFor(device, system);
  }
  const found = await findCApi();
  const preference: Device[] = [...promising(system), 'cpu'];
  return {
    system,
    node: process.version,
    onnxruntime: installedVersion(),
    notInPlace: found.api ? undefined : found.reason,
    probes: probes as Record<Device, Probe>,
    chosen: preference.find((device) => probes[device]?.works),
    advice,
  };
}

function installedVersion(): string | undefined {
  try {
    const { version } = createRequire(import.meta.url)('onnxruntime-node/package.json') as { version: string };
    return version;
  } catch {
    return undefined;
  }
}
