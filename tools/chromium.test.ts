import { expect, test } from 'vitest';
import { chromiumForTests, findChromium } from './chromium.js';

const [here, nowhere] = [import.meta.filename, '/no/such/chromium'];

test('the browser is the one that is named, else the first in a usual place', () => {
  expect(findChromium({ FLOWMAP_CHROMIUM: here }, [])).toBe(here);
  expect(findChromium({}, [nowhere, here])).toBe(here);
  expect(findChromium({}, [nowhere])).toBeUndefined();
  expect(findChromium({ FLOWMAP_CHROMIUM: '' }, [here])).toBeUndefined();
  expect(() => findChromium({ FLOWMAP_CHROMIUM: nowhere }, [here])).toThrow(`names ${nowhere}, which does not exist`);
});

test.each([{}, { CI: '' }, { CI: 'false' }, { CI: '0' }])('with %o, tests do without a browser', (environment) => {
  expect(chromiumForTests(environment, [here])).toBe(here);
  expect(chromiumForTests(environment, [])).toBeUndefined();
  expect(chromiumForTests({ ...environment, FLOWMAP_CHROMIUM: '' }, [here])).toBeUndefined();
});

test.each([{ CI: 'true' }, { CI: '1' }])(
  'with %o, a missing browser is an error that says what to do',
  (environment) => {
    expect(chromiumForTests(environment, [here])).toBe(here);
    expect(() => chromiumForTests(environment, [])).toThrow(/CI is set.*apt-get install chromium/);
    expect(() => chromiumForTests({ ...environment, FLOWMAP_CHROMIUM: '' }, [here])).toThrow(/CI is set/);
  },
);
