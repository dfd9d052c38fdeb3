"""Archives from elsewhere: an import brings in a whole bundle that a trusted key signed, or nothing at all."""

import io
import os
import tarfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from movie_mlops.release import ArchiveError, BundleError, SignatureRefusedError, Standing, read_bundle
from movie_mlops.release import archive as archives
from movie_mlops.release.archive import read_archive, write_archive
from movie_mlops.release.tape import _header
from tests.fixtures.stage_3.keys import STRANGER, trusting
from tests.fixtures.stage_3.tiny_model import restore_tiny, write_tiny

CARDS = {"card.html": b"<p>a card</p>", "card.md": b"# a card"}
MOST = 1 << 20
MEMBERS = ("manifest.json", "signature.json", "counts.npy", "movie_ids.npy", "weights.npy", "card.html", "card.md")


@pytest.fixture(autouse=True)
def tiny_models_are_known(monkeypatch):
    """The archive's own reader restores the platform's models; here it restores the tests' one."""
    monkeypatch.setattr(
        archives, "read_bundle", lambda path, *, trust: read_bundle(path, trust=trust, restore=restore_tiny)
    )


@pytest.fixture
def trust(tmp_path):
    return trusting(tmp_path)


@pytest.fixture
def file(tmp_path, trust):
    bundle = write_tiny(tmp_path / "models")
    write_archive(tmp_path / "a.bundle.tar", bundle.path, trust=trust, cards=CARDS)
    return tmp_path / "a.bundle.tar"


def nothing_came(root):
    return not root.exists() or [path.name for path in root.iterdir() if path.name != ".lock"] == []


def refused(file, root, trust, match=None, *, error=ArchiveError, most=MOST):
    with pytest.raises(error, match=match) as caught:
        read_archive(file, root, trust=trust, max_bytes=most)
    assert caught.value.next_step
    assert nothing_came(root)


def members(file):
    with tarfile.open(file) as tar:
        return {info.name: tar.extractfile(info).read() for info in tar}


def packed(contents, **changes):
    """Make an archive as any tar program would, some member's header changed."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name, content in contents.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            for attribute, value in changes.get(name.partition(".")[0], {}).items():
                setattr(info, attribute, value)
            tar.addfile(info, io.BytesIO(content) if info.isreg() else None)
    return buffer.getvalue()


def test_what_is_exported_comes_in_byte_for_byte(file, tmp_path, trust):
    """A bundle that travels is the same bundle, signature included; the cards stay in the archive."""
    manifest = read_archive(file, tmp_path / "there", trust=trust, max_bytes=MOST)
    here, there = tmp_path / "models" / manifest.bundle_id, tmp_path / "there" / manifest.bundle_id
    assert {p.name: p.read_bytes() for p in there.iterdir()} == {p.name: p.read_bytes() for p in here.iterdir()}
    assert tuple(members(file)) == MEMBERS
    assert [path.name for path in (tmp_path / "there").iterdir() if path.name != ".lock"] == [manifest.bundle_id]


def test_the_same_bundle_gives_the_same_archive(file, tmp_path, trust):
    """Promise P7: an archive holds no time, owner or place: exported twice, its bytes are the same."""
    again = tmp_path / "elsewhere" / "b.tar"
    bundle = write_tiny(tmp_path / "other")
    size = write_archive(again, bundle.path, trust=trust, cards=CARDS)
    assert again.read_bytes() == file.read_bytes()
    assert size == again.stat().st_size == len(packed(members(file)))
    assert again.read_bytes() == packed(members(file))


def test_flipped_bytes_are_refused_wherever_they_are(file, tmp_path, trust):
    """Promise P8: flip a byte every so often, cards aside, which nobody believes: nothing comes in."""
    whole = file.read_bytes()
    cards = whole.index(b"<p>a card</p>")
    free = {*range(cards, cards + 13), *range(whole.index(b"# a card"), whole.index(b"# a card") + 8)}
    for place in range(0, len(whole), 67):
        if place in free:
            continue
        changed = bytearray(whole)
        changed[place] ^= 0x01
        file.write_bytes(changed)
        refused(file, tmp_path / "there", trust, error=(ArchiveError, BundleError))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(data=st.data())
def test_any_damage_is_refused(file, tmp_path, trust, data):
    """Promise P8: cut, lengthened or overwritten anywhere before the cards, an archive brings nothing in."""
    whole = file.read_bytes()
    limit = whole.index(b"card.html")
    start = data.draw(st.integers(0, limit))
    stop = data.draw(st.integers(start, limit))
    changed = whole[:start] + data.draw(st.binary(max_size=600)) + whole[stop:]
    damaged = tmp_path / "damaged.tar"
    damaged.write_bytes(changed)
    if changed != whole:
        refused(damaged, tmp_path / "there", trust, error=(ArchiveError, BundleError))


@pytest.mark.parametrize("cut", [0, 1, 511, 512, 513, 5000, -1, -10240])
def test_a_cut_archive_is_refused(file, tmp_path, trust, cut):
    """Promise P8: an archive that ends early, wherever, brings nothing in."""
    file.write_bytes(file.read_bytes()[:cut])
    refused(file, tmp_path / "there", trust, r"has something else where|ends in the middle|does not end|behind")


@pytest.mark.parametrize("more", [b"\0", b"x", bytes(10240)])
def test_whatever_follows_the_end_is_refused(file, tmp_path, trust, more):
    """Nothing hides behind the end of an archive."""
    file.write_bytes(file.read_bytes() + more)
    refused(file, tmp_path / "there", trust, "does not end where it should")


HEADERS = {
    "a path upwards": {"weights": {"name": "../../weights.npy"}},
    "an absolute path": {"weights": {"name": "/tmp/weights.npy"}},
    "a folder before it": {"manifest": {"name": "x/manifest.json"}},
    "a symbolic link": {"weights": {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd", "size": 0}},
    "a hard link": {"weights": {"type": tarfile.LNKTYPE, "linkname": "manifest.json", "size": 0}},
    "a device": {"weights": {"type": tarfile.CHRTYPE, "size": 0}},
    "a pipe": {"counts": {"type": tarfile.FIFOTYPE, "size": 0}},
    "a sparse file": {"weights": {"type": tarfile.GNUTYPE_SPARSE}},
    "a program's bit": {"weights": {"mode": 0o4755}},
    "an owner": {"weights": {"uid": 1000, "uname": "root"}},
    "a time": {"manifest": {"mtime": 1}},
    "another name": {"weights": {"name": "other.npy"}},
    "a name beyond the header": {"weights": {"name": "w" * 200 + ".npy"}},
}


@pytest.mark.parametrize("what", HEADERS)
def test_a_header_that_says_anything_else_is_refused(file, tmp_path, trust, what):
    """Promise P25: paths, links, devices, sparse files, owners, times: no header is obeyed, each is compared."""
    file.write_bytes(packed(members(file), **HEADERS[what]))
    refused(file, tmp_path / "there", trust, "has something else where")
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.endswith(".npy")) == []


def test_a_size_that_is_not_there_asks_for_no_memory(file, tmp_path, trust):
    """Promise P26: a header that promises a terabyte is refused by the number, not by trying."""
    contents = members(file)
    for name, most in (("manifest.json", "4,194,304"), ("signature.json", "4,096")):
        kept = dict(contents)
        before = b"".join(
            _header(one, len(kept[one])) + kept[one] + bytes(-len(kept[one]) % 512)
            for one in MEMBERS[: MEMBERS.index(name)]
        )
        file.write_bytes(before + _header(name, 1 << 40))
        refused(file, tmp_path / "there", trust, f"more than {most}")
    before = b"".join(_header(n, len(contents[n])) + contents[n] + bytes(-len(contents[n]) % 512) for n in MEMBERS[:2])
    file.write_bytes(before + _header("counts.npy", 1 << 40))
    refused(file, tmp_path / "there", trust, "that is not of 144 bytes, as its manifest says")


def test_an_archive_beyond_the_limit_is_not_read(file, tmp_path, trust):
    """Who imports says how great an archive may be; a greater one is named with its size."""
    refused(file, tmp_path / "there", trust, r"has [\d,]+ bytes, more than 100", most=100)


def test_more_than_the_disk_holds_is_refused_before_anything_is_written(file, tmp_path, trust, monkeypatch):
    """Where the disk has no room for the arrays, nothing is begun."""
    monkeypatch.setattr(archives.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 10})())
    refused(file, tmp_path / "there", trust, r"and only 10 are free")


@pytest.mark.parametrize("what", ["missing", "folder", "pipe", "empty", "text", "compressed", "zeros"])
def test_what_is_no_archive_is_refused(file, tmp_path, trust, what):
    """Anything that is not such an archive is named, not waited for, and not unpacked."""
    other = tmp_path / "other"
    if what == "folder":
        other.mkdir()
    elif what == "pipe":
        os.mkfifo(other)
    elif what == "compressed":
        with tarfile.open(other, "w:gz") as tar:
            tar.add(file, "manifest.json")
    elif what != "missing":
        other.write_bytes({"empty": b"", "text": b"hello" * 400, "zeros": bytes(10240)}[what])
    refused(other, tmp_path / "there", trust)


def test_a_strangers_bundle_is_refused_until_they_are_trusted(tmp_path, trust):
    """Promise P8: an archive that an unknown key signed brings nothing in; once the key is trusted, it does."""
    strangers = trusting(tmp_path / "theirs", STRANGER)
    (tmp_path / "theirs").mkdir(exist_ok=True)
    bundle = write_tiny(tmp_path / "models", signer=STRANGER)
    write_archive(tmp_path / "a.tar", bundle.path, trust=strangers, cards=CARDS)
    refused(tmp_path / "a.tar", tmp_path / "there", trust, "which is not trusted here", error=SignatureRefusedError)
    trust.put(STRANGER.public_key, Standing.TRUSTED, "a colleague")
    assert read_archive(tmp_path / "a.tar", tmp_path / "there", trust=trust, max_bytes=MOST) == bundle.manifest


@pytest.mark.parametrize("how", ["another signature", "the signature of another bundle"])
def test_a_manifest_with_a_signature_that_is_not_its_own_is_refused(file, tmp_path, trust, how):
    """Promise P8: the signature is checked before a byte is written."""
    contents = members(file)
    other = write_tiny(tmp_path / "other", scale=2.0).path / "signature.json"
    contents["signature.json"] = other.read_bytes() if how.startswith("the") else b"{}"
    file.write_bytes(packed(contents))
    refused(file, tmp_path / "there", trust, "signature.json is not")
    assert not (tmp_path / "there").exists()


def test_an_unsigned_bundle_is_not_exported(tmp_path, trust):
    """Promise P8: what would be refused here is not sent elsewhere, and leaves no file."""
    bundle = write_tiny(tmp_path / "models", signer=None)
    with pytest.raises(SignatureRefusedError, match="is not signed"):
        write_archive(tmp_path / "out" / "a.tar", bundle.path, trust=trust, cards=CARDS)
    assert not (tmp_path / "out").exists()


def test_a_damaged_bundle_in_the_way_is_named(file, tmp_path, trust):
    """What lies there already and is not whole is neither kept in silence nor written over."""
    manifest = read_archive(file, tmp_path / "there", trust=trust, max_bytes=MOST)
    assert read_archive(file, tmp_path / "there", trust=trust, max_bytes=MOST) == manifest
    weights = tmp_path / "there" / manifest.bundle_id / "weights.npy"
    weights.write_bytes(bytes(192))
    with pytest.raises(ArchiveError, match=r"is there already and is not whole.*Delete that folder"):
        read_archive(file, tmp_path / "there", trust=trust, max_bytes=MOST)
    assert weights.read_bytes() == bytes(192)


def test_a_header_holds_sizes_beyond_eight_gibibytes():
    """A great model's array has a header that other tar programs read too."""
    for size in (0, 8**11 - 1, 8**11, 1 << 40):
        assert tarfile.TarInfo.frombuf(_header("weights.npy", size), "utf-8", "strict").size == size
