import { format } from 'node:util';

import cliProgress from 'cli-progress';

interface Standing {
  /** 0..1 */
  fraction: number;
  what: string;
  rate?: number | null;
  unit?: string | null;
  remainingSeconds?: number | null;
}

/** Progress of the steps on stderr: a bar that moves in a terminal, a line every few seconds elsewhere. */
export class Progress {
  private bar: cliProgress.SingleBar | undefined;
  private title = '';
  private began = 0;

  begin(title: string): void {
    this.end();
    this.title = title;
    this.began = Date.now();
    this.bar = new cliProgress.SingleBar({
      stream: process.stderr,
      format: '  {title} {bar} {percentage}%  {detail}',
      barsize: 24,
      hideCursor: true,
      noTTYOutput: true,
      notTTYSchedule: 5_000,
    }, cliProgress.Presets.rect);
    this.bar.start(1, 0, { title: title.padEnd(28), detail: '' });
  }

  set({ fraction, what, rate, unit, remainingSeconds }: Standing): void {
    const pace = rate ? ` · ${Math.round(rate).toLocaleString('en')} ${unit ?? ''}/s` : '';
    const left = remainingSeconds ? ` · ${duration(remainingSeconds)} left` : '';
    this.bar?.update(fraction, { title: this.title.padEnd(28), detail: `${what}${pace}${left}` });
  }

  end(summary = ''): void {
    if (!this.bar) return;
    this.bar.update(1, { title: this.title.padEnd(28), detail: `${summary} in ${duration((Date.now() - this.began) / 1000)}` });
    this.bar.stop();
    this.bar = undefined;
  }
}

export function duration(seconds: number): string {
  if (seconds < 90) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  return format('%d min %d s', Math.floor(seconds / 60), Math.round(seconds % 60));
}
