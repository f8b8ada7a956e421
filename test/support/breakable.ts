/** A GPU whose devices a test can destroy, and whose adapters it can take away. */
export interface Breakable {
  readonly gpu: GPU;
  /** Every device that was given, the latest last. */
  readonly devices: readonly GPUDevice[];
  /** How often an adapter was asked for. */
  asked: number;
  /** Whether there are adapters. */
  present: boolean;
  /** Is called with each new device before it is given. */
  onDevice: (device: GPUDevice) => void;
  /** Destroys the latest device, and waits until that is known. */
  destroy(): Promise<void>;
  /** Lets the latest device say that it was lost for some reason of its own, as drivers do. */
  lose(message: string): Promise<void>;
}

/** Held to the end: Node's implementation must outlive what its devices have yet to answer. */
const held: GPU[] = [];

/** In front of a page's `navigator.gpu`, or of Node's own. */
export async function breakableGPU(given?: GPU): Promise<Breakable> {
  const real = given ?? (await import('webgpu')).create([]);
  held.push(real);
  const devices: GPUDevice[] = [];
  const losers: ((info: GPUDeviceLostInfo) => void)[] = [];
  const gpu = {
    async requestAdapter(options?: GPURequestAdapterOptions) {
      made.asked++;
      const adapter = made.present ? await real.requestAdapter(options) : null;
      if (!adapter) return null;
      const { limits, features, info } = adapter;
      return {
        limits,
        features,
        info,
        async requestDevice(descriptor: GPUDeviceDescriptor) {
          const device = await adapter.requestDevice(descriptor);
          devices.push(device);
          const { lost } = device;
          const said = new Promise<GPUDeviceLostInfo>((resolve) => losers.push(resolve));
          Object.defineProperty(device, 'lost', { value: Promise.race([lost, said]) });
          made.onDevice(device);
          return device;
        },
      };
    },
  } as unknown as GPU;
  const made: Breakable = {
    gpu,
    devices,
    asked: 0,
    present: true,
    onDevice: () => {},
    async destroy() {
      const device = devices.at(-1)!;
      device.destroy();
      await device.lost;
      // What the loss rejects is rejected.
      await new Promise((done) => setTimeout(done));
    },
    async lose(message) {
      losers.at(-1)!({ reason: 'unknown', message } as GPUDeviceLostInfo);
      await new Promise((done) => setTimeout(done));
    },
  };
  return made;
}
