import { draftOf, inputOf, passedOver, shareOf } from './settings';

const settings = { version: 3, clock: 'LIVE', timezone: 'Europe/Berlin', currency: 'EUR', mainEvents: ['Order Completed', 'Trial Started'], valueProperty: null, guessed: [] } as const;

describe('the settings of a workspace in a form', () => {
  it('are sent as they were read', () => {
    const { version, guessed: _, ...rest } = { ...settings, mainEvents: [...settings.mainEvents], guessed: [] };
    expect(inputOf(draftOf({ version, guessed: [], ...rest }), version)).toEqual({ expectedVersion: 3, ...rest });
  });

  it('forget what is left empty, and take names once', () => {
    const draft = { clock: 'DATA', timezone: ' UTC ', currency: ' eur ', mainEvents: ' A, , B,A', valueProperty: ' ' } as const;
    expect(inputOf(draft, 1)).toEqual({ expectedVersion: 1, clock: 'DATA', timezone: 'UTC', currency: 'EUR', mainEvents: ['A', 'B'], valueProperty: null });
  });
});

it('main events that the served model does not go by are told, where there is one', () => {
  expect(passedOver(['Order Completed', 'Ordr'], { mainEvents: ['Order Completed', 'Product Viewed'] })).toEqual(['Ordr']);
  expect(passedOver(['Ordr'], undefined)).toEqual([]);
});

it.each([['99.5', 0.995], ['99,9 %', 0.999], ['', undefined], ['many', undefined]])('%j percent is the share %j', (typed, share) => {
  expect(shareOf(typed)).toBe(share);
});
