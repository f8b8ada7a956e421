import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decode } from 'fast-png';
import { describe, expect, it } from 'vitest';
import { savePicture } from 'weft/node';
import * as plot from 'weft/plot';

describe('savePicture', () => {
  const picture = plot.line({ y: [3, 2, 1], name: 'loss' }, { title: 'Loss', width: 320, height: 200 });

  it('writes SVG or PNG by the ending, and nothing else beside it', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'weft-plot-'));
    try {
      await savePicture(join(folder, 'a.svg'), picture);
      await savePicture(join(folder, 'a.PNG'), picture);
      await savePicture(join(folder, 'b.png'), picture, { scale: 1 });
      expect((await readdir(folder)).sort()).toEqual(['a.PNG', 'a.svg', 'b.png']);
      expect(await readFile(join(folder, 'a.svg'), 'utf8')).toBe(picture.svg());
      expect(decode(await readFile(join(folder, 'a.PNG')))).toMatchObject({ width: 640, height: 400 });
      expect(decode(await readFile(join(folder, 'b.png')))).toMatchObject({ width: 320, height: 200 });
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('refuses another ending, and a scale that is none', async () => {
    await expect(savePicture('a.jpg', picture)).rejects.toThrow('a.jpg: must end in .svg or .png');
    await expect(picture.png({ scale: 0 })).rejects.toThrow('png: scale must be a number above 0, it is 0');
  });
});
