import { receiverUrl } from './webhook.target.js';

const reasonOf = (url: string, allowsPrivate = false): unknown => {
  try {
    return receiverUrl(url, allowsPrivate);
  } catch (error) {
    return (error as { reason: string }).reason;
  }
};

test.each([
  'https://localhost/x', 'https://shop.localhost', 'https://127.0.0.1', 'https://127.1', 'https://2130706433', 'https://0x7f.0.0.1', 'https://0.0.0.0', 'https://10.1.2.3',
  'https://172.16.0.1', 'https://192.168.1.1', 'https://169.254.169.254/latest/meta-data', 'https://100.64.0.1', 'https://[::1]', 'https://[::]', 'https://[fe80::1]',
  'https://[fd00::1]', 'https://[::ffff:127.0.0.1]', 'https://[64:ff9b::7f00:1]', 'https://metadata.google.internal', 'https://printer.local.',
])('%s is no public address, however it is written', (url) => {
  expect(reasonOf(url)).toBe('URL_PRIVATE');
});

test.each(['', 'example.com', 'http://example.com', 'ftp://example.com', 'file:///etc/passwd', 'https://user:secret@example.com', `https://example.com/${'x'.repeat(2_000)}`])(
  '%j is not taken as a receiver',
  (url) => {
    expect(reasonOf(url)).toBe('URL_INVALID');
  },
);

test('a public URL is kept as it is meant, and a private one where that is allowed', () => {
  expect(reasonOf(' https://Example.com/a?b=c ')).toBe('https://example.com/a?b=c');
  expect(reasonOf('http://127.0.0.1:8080/', true)).toBe('http://127.0.0.1:8080/');
});
