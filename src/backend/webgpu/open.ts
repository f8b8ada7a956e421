import { fail } from '../../errors.js';

/** Features that are switched on where the adapter has them, and never needed. */
const OPTIONAL_FEATURES = ['shader-f16', 'subgroups', 'timestamp-query'] as const satisfies GPUFeatureName[];

/** Limits that are raised to what the adapter has. */
const LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupSizeY',
  'maxComputeWorkgroupSizeZ',
  'maxComputeWorkgroupsPerDimension',
] as const satisfies (keyof GPUSupportedLimits)[];

/** Limits that kernels need: WebGPU's own least, of which a device in compatibility mode may have less. */
const NEEDED = {
  maxStorageBuffersPerShaderStage: 8,
  maxComputeWorkgroupStorageSize: 16384,
  maxComputeInvocationsPerWorkgroup: 256,
  maxComputeWorkgroupSizeX: 256,
} as const satisfies Partial<Record<keyof GPUSupportedLimits, number>>;

export interface DeviceOptions {
  /** A device of the caller's; it stays the caller's to destroy. */
  readonly device?: GPUDevice;
  readonly adapter?: GPUAdapter;
  /** Asked for an adapter instead of `navigator.gpu` or the npm package `webgpu`. */
  readonly gpu?: GPU;
}

export interface OpenedDevice {
  readonly device: GPUDevice;
  /** Whether Weft made the device, and so destroys it. */
  readonly owned: boolean;
  readonly description: string;
  readonly features: Set<string>;
  readonly notes: string[];
  /** Invocations of the smallest subgroup that a shader may get, where the adapter tells. */
  readonly leastSubgroup: number | undefined;
  /** Must be held while the device is in use: Node's implementation crashes when it is collected earlier. */
  readonly gpu: GPU | null;
}

/** Node's implementation, Dawn, if the optional package is installed. */
async function nodeGPU(): Promise<GPU | string> {
  // In a variable so that bundlers leave the import alone.
  const specifier = 'webgpu';
  try {
    const { create } = (await import(/* webpackIgnore: true */ /* @vite-ignore */ specifier)) as {
      create(options: string[]): GPU;
    };
    return create([]);
  } catch (error) {
    return `importing the npm package 'webgpu' failed (${error instanceof Error ? error.message : String(error)})`;
  }
}

const isNode = (): boolean => typeof process !== 'undefined' && Boolean(process.versions?.node);

async function findGPU(): Promise<GPU> {
  if (typeof navigator !== 'undefined' && navigator.gpu) return navigator.gpu;
  if (!isNode()) {
    const insecure = typeof isSecureContext !== 'undefined' && !isSecureContext;
    const advice = insecure ? 'serve the page over https or from localhost' : 'use a browser that has WebGPU';
    return fail('webgpu', `navigator.gpu is missing; ${advice}, or the wasm backend`);
  }
  const gpu = await nodeGPU();
  if (typeof gpu !== 'string') return gpu;
  return fail('webgpu', `${gpu}; run 'npm install webgpu', or use the wasm backend`);
}

async function findAdapter(gpu: GPU): Promise<GPUAdapter> {
  const adapter =
    (await gpu.requestAdapter({ powerPreference: 'high-performance' })) ?? (await gpu.requestAdapter());
  if (adapter) return adapter;
  const advice = isNode()
    ? 'install a driver for Vulkan, Metal or Direct3D 12 (on Linux also libvulkan.so.1)'
    : 'switch on hardware acceleration in the browser';
  return fail(
    'webgpu',
    `no adapter was found, neither a high-performance nor the default one; ${advice}, or use the wasm backend`,
  );
}

function describeAdapter(info: GPUAdapterInfo | undefined): string {
  const words = [info?.description || info?.device, info?.vendor, info?.architecture].filter(Boolean);
  return words.join(', ') || 'WebGPU adapter';
}

const computesOnCPU = (info: GPUAdapterInfo | undefined): boolean =>
  info?.isFallbackAdapter || info?.architecture === 'swiftshader';

/**
 * The features that are on, `software` for an adapter that computes on the CPU, and `narrow` where no subgroup has more than
 * 8 invocations: these are the lanes of a processor's vectors, and a barrier switches between threads.
 */
function enabled(device: GPUDevice, info: GPUAdapterInfo | undefined): Set<string> {
  const names = new Set<string>(OPTIONAL_FEATURES.filter((name) => device.features.has(name)));
  if (computesOnCPU(info)) names.add('software');
  if (names.has('subgroups') && info?.subgroupMaxSize && info.subgroupMaxSize <= 8) names.add('narrow');
  return names;
}

function describeMissing(device: GPUDevice, info: GPUAdapterInfo | undefined, owned: boolean): string[] {
  const why = owned ? 'the adapter does not have it' : 'it was not asked for when the device was made';
  const notes = OPTIONAL_FEATURES.filter((name) => !device.features.has(name)).map(
    (name) => `${name} is off: ${why}`,
  );
  if (computesOnCPU(info)) notes.push('the adapter computes in software, on the CPU');
  return notes;
}

function describe(device: GPUDevice, info: GPUAdapterInfo | undefined, owned: boolean) {
  const description = describeAdapter(info);
  for (const [name, least] of Object.entries(NEEDED)) {
    const limit = device.limits[name as keyof typeof NEEDED];
    if (limit >= least) continue;
    if (owned) device.destroy();
    fail(
      'webgpu',
      `the device of ${description} has ${name} ${limit}, kernels need ${least}, as WebGPU's core gives`,
    );
  }
  return {
    device,
    owned,
    description,
    features: enabled(device, info),
    notes: describeMissing(device, info, owned),
    leastSubgroup: info?.subgroupMinSize,
  };
}

/** The caller's device, or a new one with all that the adapter offers of the limits and features that kernels use. */
export async function openDevice(options: DeviceOptions): Promise<OpenedDevice> {
  const { device: lent } = options;
  if (lent) return { ...describe(lent, lent.adapterInfo, false), gpu: null };
  const gpu = options.adapter ? (options.gpu ?? null) : (options.gpu ?? (await findGPU()));
  const adapter = options.adapter ?? (await findAdapter(gpu!));
  const requiredLimits = Object.fromEntries(LIMITS.map((name) => [name, adapter.limits[name]]));
  const requiredFeatures = OPTIONAL_FEATURES.filter((name) => adapter.features.has(name));
  const device = await adapter
    .requestDevice({ label: 'weft', requiredLimits, requiredFeatures })
    .catch((error: unknown) => {
      const description = describeAdapter(adapter.info);
      return fail(
        'webgpu',
        `${description} gave no device: ${error instanceof Error ? error.message : String(error)}`,
      );
    });
  return { ...describe(device, adapter.info, true), gpu };
}
