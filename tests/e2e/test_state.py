"""What survives kill -9: `state.path`."""

import os
import pathlib
import stat

import canaries
import sluice
import wire
from mock import Mock
from sluice import Sluice, openai_provider, target


def gateway_of(mock, folder, **settings):
    return Sluice(**{
        "providers": {"mock": openai_provider(mock)},
        "models": {"m": {"targets": [target("mock", "a")]}},
        "admin": {"keys": [canaries.ADMIN_KEY]},
        "state": {"path": str(folder)},
        **settings})


def restart(gateway):
    gateway.kill()
    gateway.start()


def admin(gateway, path):
    return wire.ask(gateway, wire.get(path, key=canaries.ADMIN_KEY)).json()


def reload_now(gateway):
    return wire.ask(gateway, wire.post("/admin/reload", b"", key=canaries.ADMIN_KEY))


def test_events_are_there_after_a_kill_right_behind_the_answer(tmp_path):
    with Mock(tokens=5) as mock, gateway_of(mock, tmp_path / "state") as gateway:
        for count in range(1, 6):
            assert reload_now(gateway).status == 200
            restart(gateway)
            told = admin(gateway, "/admin/events")["events"]
            assert [event["kind"] for event in told] == ["reload"] * count
            assert [event["id"] for event in told] == list(range(1, count + 1))


def test_the_file_is_its_owners_alone(tmp_path):
    folder = tmp_path / "state"
    with Mock(tokens=5) as mock, gateway_of(mock, folder) as gateway:
        assert reload_now(gateway).status == 200
        for path in [folder, *folder.iterdir()]:
            assert not stat.S_IMODE(os.stat(path).st_mode) & 0o077, path


def test_one_process_for_each_folder(tmp_path):
    with Mock(tokens=5) as mock, gateway_of(mock, tmp_path / "state") as gateway:
        second = sluice.run("-c", str(gateway.file))
        assert second.returncode != 0
        assert "another sluice uses it" in second.stderr


def test_a_file_that_cannot_be_read_is_put_aside(tmp_path):
    folder = tmp_path / "state"
    with Mock(tokens=5) as mock, gateway_of(mock, folder) as gateway:
        assert reload_now(gateway).status == 200
        gateway.kill()
        for path in folder.iterdir():
            pathlib.Path(path).write_bytes(b"nonsense" * 4096)
        gateway.start()
        assert "put aside" in gateway.event("state_unreadable")["what"]
        assert admin(gateway, "/admin/events")["events"] == []
        assert [path for path in folder.iterdir() if "unreadable" in path.name]
        assert reload_now(gateway).status == 200


def test_a_folder_that_cannot_be_is_said(tmp_path):
    file = tmp_path / "s.yaml"
    file.write_text("listen: 127.0.0.1:0\nstate: { path: /proc/no/such }\n")
    done = sluice.run("-c", str(file))
    assert done.returncode != 0
    assert "/proc/no/such" in done.stderr and "state.path" in done.stderr
