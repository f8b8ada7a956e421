const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escaped = (text: string) => text.replace(/[&<>"]/g, (one) => ENTITIES[one]!);

/** An SVG document of some elements on white; `title` is read out to those who can't see it. */
export function svgDocument(width: number, height: number, title: string, body: string): string {
  const name = title ? `<title>${escaped(title)}</title>\n` : '';
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">
${name}<rect width="${width}" height="${height}" fill="#ffffff"/>
${body}
</svg>
`;
}
