"""Copy the finished figures to docs/images/ at screen size, for the README."""

from pathlib import Path

from PIL import Image

WIDTH = 1000  # pixels
ROOT = Path(__file__).parents[1]

for source in sorted((ROOT / "figures").glob("fig*.png")):
    with Image.open(source) as picture:
        height = round(picture.height * WIDTH / picture.width)
        small = picture.convert("RGB").resize((WIDTH, height), Image.Resampling.LANCZOS)
    target = ROOT / "docs" / "images" / source.name
    target.parent.mkdir(exist_ok=True)
    # The 256 colours that leave the least error anywhere: a few dots tell by theirs what they are.
    small.quantize(256, Image.Quantize.MAXCOVERAGE).save(target, optimize=True)
    print(f"{target.relative_to(ROOT)}: {target.stat().st_size // 1024} KiB")
