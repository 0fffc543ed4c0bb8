// A plugin of typedoc: names as users write them. A module has the name by which it is imported, and a destructured
// parameter `options`, as its `@param options.…` tags say.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Converter, ReflectionKind } from 'typedoc';

/** @param {import('typedoc').Application} app */
export function load(app) {
  app.converter.on(Converter.EVENT_CREATE_DECLARATION, (_context, module) => {
    if (module.kind !== ReflectionKind.Module) return;
    const [folder, ...subpath] = module.name.split('/').filter((part) => part !== 'src');
    const { name } = JSON.parse(readFileSync(join(import.meta.dirname, '../packages', folder, 'package.json'), 'utf8'));
    module.name = [name, ...subpath].join('/');
  });
  app.converter.on(Converter.EVENT_CREATE_PARAMETER, (_context, parameter) => {
    if (parameter.name === '__namedParameters') parameter.name = 'options';
  });
}
