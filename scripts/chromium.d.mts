/** Whether @sparticuz/chromium's binaries run on this system. */
export const carriesChromium: boolean;

/** Unpacks Chromium once; paths of the program, of its libraries and of SwiftShader's Vulkan manifest. */
export function chromium(): Promise<{ executablePath: string; libraryPath: string; icd: string }>;

/** Variables with which a Node process, started with them, finds SwiftShader as WebGPU adapter; may be empty. */
export function swiftShaderEnvironment(): Promise<Record<string, string>>;

/** `env` and what the unpacked Chromium needs to start on a bare machine. */
export function withSwiftShader(
  env: Readonly<Record<string, string | undefined>>,
): Promise<Record<string, string>>;
