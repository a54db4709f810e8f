// Keeps the lazy parts of a bundle lazy. The bundler lifts every `import … from "node:…"` to the top of the one
// file, so that each command would load node:http, node:child_process and the rest for parts it never enters: 22
// ms of a start of 45. Here they go back into the part that asked for them.

// node:sqlite is the exception: almost every command wants it, it loads in a millisecond, and fetching it later through
// `process` would load all that stands behind that global
const importLine = /^import (.+) from "(node:(?!sqlite")[\w/]+)";$/;
const partLine = /^var init_\w+ = __esm\(\{$/;
/** the preamble for CommonJS packages, whose `require()` is only wanted when one of them is entered */
const eagerRequire =
  /^import \{ createRequire as (\w+) \} from "node:module";\nvar __require = \1\(import\.meta\.url\);$/m;
const lazyRequire = `var __created;
var __require = (id) => (__created ??= process.getBuiltinModule("node:module").createRequire(import.meta.url))(id);`;

/**
 * Moves imports of built-in modules into the first lines of the lazy part they precede; those of parts that
 * are not lazy stay what they are.
 */
export function deferBuiltins(bundle: string): string {
  const done: string[] = [];
  let imports: { at: number; binding: string; module: string }[] = [];
  const lines = bundle.replace(eagerRequire, lazyRequire).split("\n");
  for (let index = 0; index < lines.length; index++) {
    const line = lines[index]!;
    const [, binding, module] = importLine.exec(line) ?? [];
    // a comment with the path of its source opens each part: imports that no part has claimed are eager ones
    if (line.startsWith("// ")) imports = [];
    if (binding !== undefined && module !== undefined) imports.push({ at: done.length, binding, module });
    done.push(line);
    if (!partLine.test(line)) continue;
    done.push(lines[++index]!); // the key of the part, `"path/of/source.ts"() {`
    for (const { at, binding, module } of imports) {
      done[at] = `var ${namesOf(binding).map(([, local]) => local).join(", ")};`;
      done.push(assignment(binding, module));
    }
    imports = [];
  }
  return done.join("\n");
}

/** `{ a as b, c }` as `[["a", "b"], ["c", "c"]]`; a default or namespace import binds the whole module. */
function namesOf(binding: string): [imported: string, local: string][] {
  if (!binding.startsWith("{")) {
    const name = binding.replace("* as ", "");
    return [[name, name]];
  }
  return binding.slice(1, -1).split(",").map((part) => {
    const [imported = "", local = imported] = part.trim().split(" as ");
    return [imported, local];
  });
}

function assignment(binding: string, module: string): string {
  const loaded = `process.getBuiltinModule("${module}")`;
  if (!binding.startsWith("{")) return `${namesOf(binding)[0]![1]} = ${loaded};`;
  const fields = namesOf(binding).map(([imported, local]) => `${imported}: ${local}`);
  return `({ ${fields.join(", ")} } = ${loaded});`;
}
