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
    small.quantize(128).save(target, optimize=True)
    print(f"{target.relative_to(ROOT)}: {target.stat().st_size // 1024} KiB")
