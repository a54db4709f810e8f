"""An instance led through its life by pylxd, as its documentation shows it. Prints each step that went well."""

import os
import sys

import pylxd


def step(name):
    print(name, flush=True)


socket, alias = sys.argv[1:3]
client = pylxd.Client(endpoint="http+unix://" + socket.replace("/", "%2F"))
assert client.host_info["environment"]["server"] == "drey"
assert client.trusted
step("connected")

config = {
    "name": "p1",
    "source": {"type": "image", "alias": alias},
    "config": {"user.team": "web"},
    "profiles": ["default"],
}
container = client.containers.create(config, wait=True)
assert container.name == "p1" and container.status == "Stopped"
assert client.containers.exists("p1")
assert [found.name for found in client.containers.all()] == ["p1"]
step("created")

container.start(wait=True)
assert container.status == "Running"
assert container.state().pid > 0
step("started")

code, out, err = container.execute(["sh", "-c", "echo out; echo err >&2; exit 3"])
assert (code, out, err) == (3, "out\n", "err\n"), (code, out, err)
code, out, err = container.execute(["sh", "-c", "echo $A"], environment={"A": "b"})
assert (code, out, err) == (0, "b\n", ""), (code, out, err)
code, out, err = container.execute(["cat"], stdin_payload="typed\n")
assert (code, out, err) == (0, "typed\n", ""), (code, out, err)
lines = []
container.execute(["sh", "-c", "echo a; echo b"], stdout_handler=lines.append)
assert "".join(lines).split() == ["a", "b"], lines
step("executed")

container.files.put("/root/f", b"bytes\0\xff", mode=0o640, uid=0, gid=0)
assert container.files.get("/root/f") == b"bytes\0\xff"
container.files.recursive_put(os.path.dirname(__file__) + "/docs", "/root/d")
assert b"docs/api.md" in container.files.get("/root/d/api.ts")
_, out, _ = container.execute(["stat", "-c", "%a", "/root/f"])
assert out == "640\n", out
assert container.files.delete_available()
container.files.delete("/root/f")
try:
    container.files.get("/root/f")
except pylxd.exceptions.NotFound:
    pass
else:
    raise AssertionError("a deleted file was read")
step("files")

container.config["user.team"] = "db"
container.save(wait=True)
assert client.containers.get("p1").config["user.team"] == "db"
container.freeze(wait=True) if "freeze" in sys.argv[3:] else None
container.unfreeze(wait=True) if "freeze" in sys.argv[3:] else None
profile = client.profiles.create("small", config={"user.size": "s"}, devices={})
profile.description = "Small ones"
profile.save()
assert client.profiles.get("small").description == "Small ones"
profile.delete()
assert not client.profiles.exists("small")
step("changed")

if "snapshots" in sys.argv[3:]:
    container.snapshots.create("s0", wait=True)
    assert [snapshot.name for snapshot in container.snapshots.all()] == ["s0"]
    container.files.put("/root/late", "x")
    container.stop(force=True, wait=True)
    container.snapshots.get("s0").restore(wait=True)
    container.start(wait=True)
    code, _, _ = container.execute(["cat", "/root/late"])
    assert code != 0
    container.snapshots.get("s0").delete(wait=True)
    assert container.snapshots.all() == []
    step("snapshots")

image = client.images.all()[0]
assert client.images.get_by_alias(alias).fingerprint == image.fingerprint
assert image.aliases[0]["name"] == alias
if "networks" in sys.argv[3:]:
    client.networks.all()
pools = client.storage_pools.all()
assert "default" in [pool.name for pool in pools]
step("listed")

container.stop(force=True, wait=True)
assert container.status == "Stopped"
container.rename("p2", wait=True)
client.containers.get("p2").delete(wait=True)
assert not client.containers.exists("p2")
assert not client.containers.exists("p1")
step("deleted")

if "images" in sys.argv[3:]:
    exported = image.export().read()
    image.delete(wait=True)
    # pylxd does not say what it sends
    assert client.images.create(exported, wait=True).fingerprint == image.fingerprint
    step("uploaded")
