// Place of an invocation in a launch of workgroups of 64, spread over x and y where one axis has too few.
// The last workgroups may lie past the end: the caller compares with its element count.
fn linear_index(group: vec3<u32>, local: u32, groups: vec3<u32>) -> u32 {
  return (group.x + group.y * groups.x) * 64u + local;
}

// Number of a workgroup in a launch of one workgroup per row, spread the same way.
fn linear_group(group: vec3<u32>, groups: vec3<u32>) -> u32 {
  return group.x + group.y * groups.x;
}
