import { assertEquals, assertThrows } from "@std/testing";
import { DreyError } from "../errors.ts";
import { renderTemplate } from "./templates.ts";

const input = {
  values: {
    container: { name: "c1", type: "container" },
    instance: { name: "c1", type: "container" },
    properties: { default: "#cloud-config\n{}" },
    devices: { root: { type: "disk", path: "/" }, eth0: { type: "nic" } },
    trigger: "start",
  },
  config: { "user.user-data": "#mine", "user.empty": "", "limits.cpu": "2" },
};
const render = (text: string) => renderTemplate(text, { ...input, values: { ...input.values } });

const cases: [template: string, output: string][] = [
  ["127.0.1.1\t{{ container.name }}\n", "127.0.1.1\tc1\n"],
  ["{{ container.nothing }}|{{nothing.at.all}}", "|"],
  ['{{ config_get("user.user-data", properties.default) }}', "#mine"],
  ['{{ config_get("user.vendor-data", properties.default) }}', "#cloud-config\n{}"],
  ['{{ config_get("user.none", "") }}', ""],
  ['{% if config_get("user.network-config", "") == "" %}version: 1{% else %}x{% endif %}', "version: 1"],
  ['{% if instance.type == "virtual-machine" %}enp5s0{% elif trigger == "start" %}eth0{% endif %}', "eth0"],
  ["{% if not config_get('user.empty', 'x') and devices.root %}yes{% endif %}", "yes"],
  ["{% for name, device in devices %}{{ name }}={{ device.type }};{% endfor %}", "root=disk;eth0=nic;"],
  ["{# a remark #}{% set a = 'b' %}{{ a|upper }}{{ none|default:'d' }}", "Bd"],
  ["a\n  {%- if true %} b {%- endif %}\nc", "a b\nc"],
  ["{{ config['limits.cpu'] }}{{ 1 < 2 }}{{ 'c' in 'abc' }}", "TrueTrue"],
  ["{{ __proto__ }}{{ container.constructor }}{{ config_get('toString', 'safe') }}", "safe"],
];

for (const [template, output] of cases) {
  Deno.test(`renderTemplate() fills in ${JSON.stringify(template)}`, () =>
    assertEquals(render(template), output));
}

Deno.test("renderTemplate() says what it cannot read", () => {
  assertThrows(() => render("{% include '/etc/passwd' %}"), DreyError, 'no statement "include"');
  assertThrows(() => render("{% if true %}"), DreyError, "is missing");
  assertThrows(() => render("{{ a b }}"), DreyError, "cannot read");
  assertThrows(() => render("{{ 'x'|exec }}"), DreyError, 'no filter "exec"');
});

Deno.test("no template takes long, or fills the memory", () => {
  // a million braces that nothing closes were looked through once for each of them
  const braces = "{%".repeat(500_000);
  assertEquals(render(braces), braces);
  assertThrows(() => render(`{{ ${"(".repeat(100_000)} }}`), DreyError, "nested too deeply");
  assertThrows(() => render(`{% if a${" ".repeat(500_000)}b %}`), DreyError);
  const [open, close] = ["{% for a in devices %}", "{% endfor %}"];
  assertThrows(() => render(open.repeat(30) + close.repeat(30)), DreyError, "takes too long");
  const squared = "{% set x = x|split:''|join:x %}".repeat(9);
  assertThrows(() => render(`{% set x = "${"a".repeat(64)}" %}${squared}`), DreyError, "too long");
  const long = `{% set x = "${"a".repeat(9000)}" %}${"{{ x }}".repeat(1000)}`;
  assertThrows(() => render(long), DreyError, "its output is too long");
  assertThrows(() => render("x".repeat(2_000_000)), DreyError, "too long");
});
