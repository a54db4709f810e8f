import { assert, assertEquals, assertMatch, assertThrows } from "@std/testing";
import { DreyError } from "../errors.ts";
import { fingerprintOf, hostsOf, isSame, makeCertificate, readCertificate } from "./tls.ts";

Deno.test("makeCertificate() signs for itself, with the names it is for, and may sign for nobody else", async () => {
  const hosts = ["box", "box.example.org", "10.0.0.1", "::1", "fd00::12:3", "1:2:3:4:5:6:7:8"];
  const now = new Date("2026-11-21T10:00:00.500Z");
  const { certificate } = await makeCertificate({ commonName: "me@box", use: "server", hosts, now });
  const x509 = readCertificate(certificate);
  assertEquals(x509.ca, false);
  assert(x509.verify(x509.publicKey));
  assertEquals(hostsOf(certificate).map((host) => host.toLowerCase()), hosts);
  assertMatch(x509.subject ?? "", /^CN=me@box$/m);
  assertEquals(new Date(x509.validFrom).toISOString(), "2026-11-21T10:00:00.000Z");
  assertEquals(new Date(x509.validTo).toISOString(), "2036-11-21T10:00:00.000Z");
  const later = await makeCertificate({
    commonName: "me",
    use: "client",
    now: new Date("2045-01-01T00:00:00Z"),
  });
  assertEquals(new Date(readCertificate(later.certificate).validTo).getUTCFullYear(), 2055);
});

Deno.test("a fingerprint is the SHA-256 of the certificate's bytes, however it was written", async () => {
  const { certificate } = await makeCertificate({ commonName: "me", use: "client" });
  const bare = certificate.replace(/-----.*-----/g, "").replaceAll("\n", "");
  const fingerprint = fingerprintOf(readCertificate(certificate));
  assertMatch(fingerprint, /^[0-9a-f]{64}$/);
  assertEquals(fingerprintOf(readCertificate(bare)), fingerprint);
  assertEquals(fingerprintOf(Uint8Array.fromBase64(bare)), fingerprint);
});

Deno.test("readCertificate() refuses what is none", () => {
  const texts = ["", "nonsense!", "AAAA", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"];
  for (const text of texts) assertThrows(() => readCertificate(text), DreyError, "Invalid certificate");
});

Deno.test("isSame() compares whole texts of any length", () => {
  assertEquals([isSame("a", "a"), isSame("a", "b"), isSame("a", "aa"), isSame("", "")], [
    true,
    false,
    false,
    true,
  ]);
});
