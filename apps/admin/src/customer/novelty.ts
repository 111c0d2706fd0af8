/** What a novelty (0 ordinary .. 1 unlike anything the model has seen) means to a reader. */
export function noveltyInWords(novelty: number): string {
  if (novelty < 0.5) return 'ordinary: the model has seen many like this one';
  if (novelty < 0.8) return 'uncommon: few are like this one';
  if (novelty < 0.95) return 'unusual: hardly anyone is like this one';
  return 'unlike anything the model has seen';
}
