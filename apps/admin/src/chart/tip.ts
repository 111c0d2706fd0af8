/** Content of a tooltip as elements, not markup: names come from data, and the page's policy allows no inline styles. */
export function tip(title: string, lines: readonly string[], colour?: string): HTMLElement {
  const box = document.createElement('div');
  box.className = 'tip';
  const head = document.createElement('strong');
  if (colour) {
    const mark = document.createElement('i');
    mark.style.background = colour;
    head.append(mark);
  }
  head.append(title);
  box.append(head);
  for (const line of lines) {
    const part = document.createElement('span');
    part.textContent = line;
    box.append(part);
  }
  return box;
}
