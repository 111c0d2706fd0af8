import { id, KEYS } from '../gateway.fake.js';
import { startTestGateway, type TestGateway } from '../gateway.start.js';
import { globalId } from '../graphql/global-id.js';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
});
beforeEach(() => gateway.services.reset());
afterAll(() => gateway.close());

test('imports are listed, with the source by which what they refused is found', async () => {
  const { body } = await gateway.ask('{ imports(first: 1) { totalCount pageInfo { hasNextPage } nodes { id source fileName } } }', {}, KEYS.viewer);
  expect(body.data.imports).toEqual({
    totalCount: 2,
    pageInfo: { hasNextPage: true },
    nodes: [{ id: globalId('Import', id('import', 2)), source: `import:${id('import', 2)}`, fileName: 'shop.csv' }],
  });
});
