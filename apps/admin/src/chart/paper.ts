/** The page's colours and type, as a picture needs them: read where they are declared, so that there is one palette. */
export interface Paper {
  colour: (variable: string) => string;
  ink: string;
  quiet: string;
  line: string;
  surface: string;
  font: string;
  /** Black or white, whichever reads better on a colour. */
  inkOn: (colour: string) => string;
}

export function paper(): Paper {
  const style = getComputedStyle(document.documentElement);
  const colour = (variable: string): string => style.getPropertyValue(variable).trim();
  return {
    colour,
    ink: colour('--ink'),
    quiet: colour('--ink-2'),
    line: colour('--line'),
    surface: colour('--surface-raised'),
    font: colour('--sans'),
    inkOn,
  };
}

/** Relative luminance of WCAG decides: the border where black and white contrast alike is .179. */
export function inkOn(hex: string): string {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.2 ? '#10211c' : '#ffffff';
}
