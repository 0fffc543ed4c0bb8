"""Golden features and tokens of CLIP, from CLIPModel, CLIPImageProcessorPil and CLIPTokenizer of transformers.

    python tools/reference/clip.py

Nothing is downloaded: the weights are those of hashed_weights.py, by the names of published files, and the tokenizer
has a few merges that are learned here. With the published merges as an argument, the tokens by these are written beside
that file.
"""

import json
import sys
from collections import Counter
from datetime import date
from importlib.metadata import version
from pathlib import Path

import regex
import torch
from hashed_weights import hashed_weights, waves
from PIL import Image
from safetensors.torch import save_file
from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel, CLIPTokenizer

OUT = Path(__file__).parents[2] / "packages/eval/src/__fixtures__"
MERGES = 150
LEARNED_FROM = """
a photo of a cat, a photo of the dog, photos of cats and dogs. a drawing of an old house by the river; the horse
doesn't run, it's standing, they're sleeping, we've seen 12 birds and 345 ships. a café in the übergröße, naïve and
déjà vu, the smörgåsbord. 🎉 🎉 🐈 🐈 日本 日本 привет привет a frog, an airplane, the truck and the automobile!!! ...
"""
TEXTS = [
    "a photo of a cat",
    "A Photo,of the   DOG\n\tand\u00a0ships\u2003!",
    "it's they're we've I'd he'll I'm don't o'clock 'tis dogs' IT'S",
    "café cafe\u0301 naïve Übergröße İstanbul ΟΔΟΣ ﬁne Ａ",
    "🎉🐈‍⬛ party 👩‍👩‍👧 time 🏳️‍🌈",
    "日本語 привет мир ١٢ ½ ² x²",
    "12,345 birds... (and) 6 more!!! a-b_c #tag @you https://x.y/?z=1&q",
    "",
    "   ",
    "\u0085\ufeff\u200bodd\x00\x1f",
    "e\u0301e\u0301 \ud7a3 a\u030a\u0301",
    "before <|endoftext|> after <|startoftext|>x <|ENDOFTEXT|> <|endoftext|",
    " ".join(["photo of cats"] * 40),
    "supercalifragilistic" * 9,
]


def byte_letters() -> dict[int, str]:
    """The letters that stand for bytes in merges, those of visible bytes first."""
    seen = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    hidden = [byte for byte in range(256) if byte not in seen]
    return {byte: chr(byte) for byte in seen} | {byte: chr(256 + i) for i, byte in enumerate(hidden)}


def learned_merges() -> list[tuple[str, str]]:
    letters = byte_letters()
    words = Counter(regex.findall(r"'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+", LEARNED_FROM))
    pieces = {}
    for word, count in words.items():
        parts = [letters[byte] for byte in word.encode()]
        pieces[word] = ([*parts[:-1], parts[-1] + "</w>"], count)
    merges = []
    while len(merges) < MERGES:
        pairs = Counter()
        for parts, count in pieces.values():
            for pair in zip(parts, parts[1:]):
                pairs[pair] += count
        best = max(pairs, key=lambda pair: (pairs[pair], pair))
        merges.append(best)
        for word, (parts, count) in pieces.items():
            joined, i = [], 0
            while i < len(parts):
                both = tuple(parts[i : i + 2]) == best
                joined.append("".join(parts[i : i + 2]) if both else parts[i])
                i += 2 if both else 1
            pieces[word] = (joined, count)
    return merges


def tokenizer(merges: list[tuple[str, str]]) -> CLIPTokenizer:
    letters = list(byte_letters().values())
    tokens = [*letters, *(letter + "</w>" for letter in letters), *("".join(pair) for pair in merges)]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(vocab={token: i for i, token in enumerate(tokens)}, merges=merges)


def tokens_of(texts: list[str], made: CLIPTokenizer) -> list[list[int]]:
    return made(texts, padding="max_length", truncation=True, max_length=77)["input_ids"]


def model(vocabulary: int, image: dict, text: dict, features: int) -> CLIPModel:
    config = CLIPConfig(
        vision_config=image | {"intermediate_size": 4 * image["hidden_size"], "num_attention_heads": image["hidden_size"] // 64},
        text_config=text
        | {"intermediate_size": 4 * text["hidden_size"], "num_attention_heads": text["hidden_size"] // 64}
        | {"vocab_size": vocabulary, "eos_token_id": vocabulary - 1, "bos_token_id": vocabulary - 2},
        projection_dim=features,
    )
    config._attn_implementation = "eager"
    made = CLIPModel(config).eval().double()
    made.load_state_dict(hashed_weights({name: tuple(value.shape) for name, value in made.state_dict().items()}))
    return made


def features_of(network: CLIPModel, pixels: torch.Tensor, tokens: list[list[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    ids = torch.tensor(tokens)
    output = network(input_ids=ids, pixel_values=pixels.double())
    return output.vision_model_output.pooler_output, output.text_model_output.pooler_output  # projected


def write_tokens(path: Path, made: CLIPTokenizer) -> None:
    cases = [{"text": text, "tokens": tokens} for text, tokens in zip(TEXTS, tokens_of(TEXTS, made))]
    about = {"script": "tools/reference/clip.py", "transformers": version("transformers"), "date": str(date.today())}
    rows = ",\n".join(json.dumps(case) for case in cases)
    path.write_text('{"made": ' + json.dumps(about) + ', "cases": [\n' + rows + "\n]}\n")


if __name__ == "__main__":
    torch.set_num_threads(1)
    if len(sys.argv) > 1:
        lines = Path(sys.argv[1]).read_text().strip().split("\n")[1:]
        published = tokenizer([tuple(line.split(" ")) for line in lines])
        write_tokens(Path(sys.argv[1]).with_suffix(".json"), published)
        sys.exit()
    merges = learned_merges()
    (OUT / "clip-merges.txt").write_text("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges))
    made = tokenizer(merges)
    write_tokens(OUT / "clip-tokens.json", made)

    picture = Image.fromarray(waves(1, 300)[0].transpose(1, 2, 0).astype("uint8")[:, :251])
    processed = CLIPImageProcessorPil()(picture, return_tensors="pt")["pixel_values"]
    vocabulary = len(made)
    small = model(
        vocabulary,
        {"hidden_size": 128, "num_hidden_layers": 2, "patch_size": 32, "image_size": 224},
        {"hidden_size": 64, "num_hidden_layers": 2},
        32,
    )
    wide = model(
        vocabulary,
        {"hidden_size": 1024, "num_hidden_layers": 1, "patch_size": 14, "image_size": 56},
        {"hidden_size": 768, "num_hidden_layers": 1},
        96,
    )
    with torch.no_grad():
        images, texts = features_of(small, processed, tokens_of(TEXTS, made))
        wide_images, wide_texts = features_of(wide, torch.from_numpy(waves(1, 56)) / 127.5 - 1, tokens_of(TEXTS[:2], made))
        cosines = torch.nn.functional.cosine_similarity(images.expand(len(TEXTS), -1), texts)
        results = {"images": images, "texts": texts, "wide-images": wide_images, "wide-texts": wide_texts, "cosines": cosines}
    about = {name: version(name) for name in ("torch", "transformers")} | {"script": "tools/reference/clip.py", "date": str(date.today())}
    save_file({name: value.float().contiguous() for name, value in results.items()}, OUT / "clip.safetensors", about)
    print(vocabulary, {name: [float(value.abs().max()), tuple(value.shape)] for name, value in results.items()}, list(small.state_dict())[:12])
