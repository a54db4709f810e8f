import { assertEquals } from "@std/testing";
import { parseDnsValue } from "./dns_records.ts";

Deno.test("parseDnsValue() reads the parts of a value by its type", () => {
  assertEquals(parseDnsValue("A", "192.0.2.1"), { type: "A", data: "192.0.2.1" });
  assertEquals(parseDnsValue("CNAME", "www.example.org."), { type: "CNAME", data: "www.example.org" });
  assertEquals(parseDnsValue("MX", "10 mail.example.org"), {
    type: "MX",
    data: { preference: 10, exchange: "mail.example.org" },
  });
  assertEquals(parseDnsValue("SRV", "0 5 5060 _sip.example.org"), {
    type: "SRV",
    data: { priority: 0, weight: 5, port: 5060, target: "_sip.example.org" },
  });
  assertEquals(parseDnsValue("TXT", '"one" "two words"'), { type: "TXT", data: ["one", "two words"] });
  assertEquals(parseDnsValue("TXT", "not quoted"), { type: "TXT", data: ["not quoted"] });
  assertEquals(parseDnsValue("CAA", '0 issue "ca.example"'), {
    type: "CAA",
    data: { flags: 0, tag: "issue", value: "ca.example" },
  });
});

Deno.test("parseDnsValue() takes nothing that is not of the type", () => {
  const wrong = [
    ...[["A", "fd42::1"], ["AAAA", "192.0.2.1"], ["A", "www"], ["CNAME", "a b"], ["MX", "mail.example.org"]],
    ...[["MX", "99999 mail"], ["SRV", "1 2 mail"], ["CAA", "0 issue"], ["HINFO", "x"]],
  ];
  for (const [type = "", value = ""] of wrong) {
    assertEquals(parseDnsValue(type, value), undefined, `${type} ${value}`);
  }
});
