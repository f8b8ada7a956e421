/** What the build must know of a kernel, and the limits it is held to. `library` is the module wgsl_reflect. */

/** What every WebGPU device allows. */
const MAX_STORAGE_BUFFERS = 8;
const MAX_INVOCATIONS = 256;
const MAX_WORKGROUP_BYTES = 16384;

/** @param {string} where @param {string} what @returns {never} */
export function fail(where, what) {
  throw new Error(`${where}: ${what}`);
}

/** Scalar type and count of a parameter field, or null if it is of a type that host and kernels can't share. */
function fieldLayout(type) {
  const scalar = (name) => (['u32', 'i32', 'f32'].includes(name) ? name : null);
  const vector = (of) => {
    const short = { vec4u: 'u32', vec4i: 'i32', vec4f: 'f32' }[of?.name];
    return short ?? (of?.name === 'vec4' ? scalar(of.format?.name) : null);
  };
  if (scalar(type.name)) return { type: type.name, length: 1 };
  if (vector(type)) return { type: vector(type), length: 4 };
  if (type.isArray && type.count > 0 && vector(type.format)) {
    return { type: vector(type.format), length: 4 * type.count };
  }
  return null;
}

function reflectStruct(where, struct) {
  if (!struct.isStruct) fail(where, `the uniform must be a struct, it is ${struct.name}`);
  const fields = {};
  for (const member of struct.members) {
    const layout = fieldLayout(member.type);
    if (!layout) {
      const is = member.type.getTypeName();
      fail(
        where,
        `field '${member.name}' of ${struct.name} is ${is}; it must be u32, i32, f32, a vec4 or an array of vec4`,
      );
    }
    fields[member.name] = { offset: member.offset, ...layout };
  }
  return { name: struct.name, bytes: struct.size, fields };
}

/** Bytes of the workgroup variables that `entry`, or a function it calls, names. */
function workgroupBytes(where, wgsl, reflection, variables, entry) {
  const lines = wgsl.split('\n');
  const used = new Set();
  const visited = new Set();
  const visit = (fn) => {
    if (visited.has(fn.name)) return;
    visited.add(fn.name);
    for (const [word] of lines
      .slice(fn.startLine - 1, fn.endLine)
      .join('\n')
      .matchAll(/\b[A-Za-z_]\w*\b/g))
      used.add(word);
    for (const callee of fn.calls) visit(reflection.getFunctionInfo(callee.name) ?? callee);
  };
  visit(entry);
  let bytes = 0;
  for (const variable of variables.filter(({ name }) => used.has(name))) {
    const size = reflection.getTypeInfo(variable.type)?.size;
    if (!(size > 0))
      fail(where, `can't tell the size of workgroup variable '${variable.name}', use constant sizes`);
    bytes += Math.ceil(size / 16) * 16;
  }
  return bytes;
}

/** The alias, `.._stored`, of which a binding is an array, or of vec4s of it: of 16 bits on some devices; '' for none. */
function storedAs(wgsl, name) {
  const type = new RegExp(`var<storage,[^>]*> ${name}: array<(?:vec4<)?(\\w+_stored)>`).exec(wgsl)?.[1];
  return type ?? '';
}

/** Checks one entry point against the format and the guaranteed limits, and describes it. */
function reflectKernel({ ResourceType }, file, { module, wgsl, reflected, variables }, entry) {
  const where = `${file}: kernel ${entry.name}`;
  const bindings = [...entry.resources].sort((a, b) => a.binding - b.binding);
  for (const resource of bindings) {
    if (resource.group !== 0)
      fail(where, `'${resource.name}' is in group ${resource.group}, all bindings must be in group 0`);
    if (resource.resourceType !== ResourceType.Storage && resource.resourceType !== ResourceType.Uniform) {
      fail(where, `'${resource.name}' is neither a storage buffer nor a uniform`);
    }
  }
  const last = bindings.at(-1);
  const uniforms = bindings.filter(({ resourceType }) => resourceType === ResourceType.Uniform);
  if (uniforms.length !== 1)
    fail(where, `it uses ${uniforms.length} uniforms, it must use one: its parameter struct`);
  if (uniforms[0] !== last)
    fail(where, `uniform '${uniforms[0].name}' must have the last binding, '${last.name}' has it`);
  bindings.forEach((resource, i) => {
    if (resource.binding === i) return;
    fail(
      where,
      `its bindings must be contiguous from 0, '${resource.name}' has ${resource.binding} instead of ${i}`,
    );
  });
  const storage = bindings.slice(0, -1);
  if (storage.length > MAX_STORAGE_BUFFERS) {
    fail(where, `it uses ${storage.length} storage buffers, at most ${MAX_STORAGE_BUFFERS} are allowed`);
  }
  const size = entry.workgroupSize;
  if (!size?.every((n) => Number.isInteger(n) && n > 0))
    fail(where, `can't tell its @workgroup_size, use constants`);
  const invocations = size[0] * size[1] * size[2];
  if (invocations > MAX_INVOCATIONS || size[2] > 64) {
    fail(
      where,
      `a workgroup of ${size.join('x')} has ${invocations} invocations, at most ${MAX_INVOCATIONS} (64 along z) are allowed`,
    );
  }
  const shared = workgroupBytes(where, wgsl, reflected, variables, entry);
  if (shared > MAX_WORKGROUP_BYTES) {
    fail(where, `it uses ${shared} bytes of workgroup memory, at most ${MAX_WORKGROUP_BYTES} are allowed`);
  }
  const struct = reflectStruct(where, last.type);
  const stored = storage.map(({ name }) => storedAs(wgsl, name));
  const twice = stored.find((alias, i) => alias && stored.indexOf(alias) < i);
  if (twice) fail(where, `two of its bindings are arrays of ${twice}, give each an alias of its own`);
  return {
    struct,
    info: {
      module,
      access: storage.map(({ access }) => (access === 'read_write' ? 'read_write' : 'read')),
      ...(stored.some(Boolean) ? { stored } : {}),
      params: struct.name,
      paramsBytes: struct.bytes,
      fields: struct.fields,
      workgroupSize: [...size],
      ...(reflected.overrides.length > 0 ? { constants: reflected.overrides.map(({ name }) => name) } : {}),
    },
  };
}

/**
 * All kernels of one module, as [name, { info, struct }]; `only` is the one that a template must make. Throws an Error that
 * names file, kernel and what is wrong.
 */
export function reflectModule(library, file, module, wgsl, only) {
  const { WgslParser, WgslReflect } = library;
  const where = only ? `${file}: kernel ${only}` : file;
  const parse = (run) => {
    try {
      return run();
    } catch (error) {
      return fail(
        where,
        `wgsl_reflect can't parse it: ${error.message} (lines are counted without comments, includes expanded)`,
      );
    }
  };
  const ast = parse(() => new WgslParser().parse(wgsl));
  const reflected = parse(() => new WgslReflect(wgsl));
  const unset = ast.find(({ astNodeType, value }) => astNodeType === 'override' && !value);
  if (unset)
    fail(where, `override '${unset.name}' has no value, give it the one it has where no launch says another`);
  const variables = ast.filter(({ storage }) => storage === 'workgroup');
  const entries = reflected.entry.compute;
  if (entries.length === 0) fail(where, 'it has no @compute fn');
  if (only && !entries.some(({ name }) => name === only))
    fail(where, `no '@compute ... fn KERNEL' in the template`);
  return entries.map((entry) => [
    entry.name,
    reflectKernel(library, file, { module, wgsl, reflected, variables }, entry),
  ]);
}

/** The structs that `lines`, [kernel, struct name], take from a module, as [kernel, struct]. */
export function reflectStructs({ WgslReflect }, file, wgsl, lines) {
  const structs = lines.length === 0 ? [] : new WgslReflect(wgsl).structs;
  return lines.map(([kernel, name]) => {
    const where = `${file}: kernel ${kernel}`;
    const struct = structs.find((candidate) => candidate.name === name);
    return [kernel, reflectStruct(where, struct ?? fail(where, `there is no struct ${name} in the file`))];
  });
}
