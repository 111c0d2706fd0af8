/** The chart breaks lines at spaces, and words that are too long in their midst; with a character that has no width, behind a hyphen too. */
export function breakable(words: string): string {
  return words.replaceAll('-', '-\uFEFF');
}
