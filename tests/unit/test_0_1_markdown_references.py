"""Paths that a Markdown document names."""

from movie_mlops.standard.references import Reference, has_reader, references

DOCUMENT = """# Links
[structure](directory-structure.md#root) and ![page](../assets/images/my%20page.png "a title")
[web](https://example.org/a.md) [top](#links) [mail](mailto:a@example.org) `[code](no.md)`
```
[fenced](no.md)
```
[outside](../../../secret.md)
"""


def test_links_and_images_are_found_with_their_place():
    """A link says line, span and the path that it means; web addresses, anchors and code are none."""
    found = references("docs/00-overview/README.md", DOCUMENT, lambda _path: True)
    assert found == [
        Reference(2, 12, 34, "directory-structure.md", "docs/00-overview/directory-structure.md", True),
        Reference(2, 53, 83, "../assets/images/my%20page.png", "docs/assets/images/my page.png", True),
        Reference(7, 10, 28, "../../../secret.md", "../secret.md", False),
    ]
    for reference in found:
        assert DOCUMENT.split("\n")[reference.line - 1][reference.start : reference.end] == reference.text


def test_files_of_other_types_are_not_read():
    """A file that nothing reads names nothing."""
    assert not has_reader("data/films.csv")
    assert references("data/films.csv", "[a](b.md)", lambda _path: True) == []
