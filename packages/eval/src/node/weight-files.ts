/** A published file, and how to recognise it. */
export interface WeightFile {
  /** Its name in the folder of weights. */
  readonly file: string;
  readonly url: string;
  /** SHA-256 in hexadecimal digits. */
  readonly sha256: string;
  readonly bytes: number;
}

const CLIP_B32 = 'https://huggingface.co/openai/clip-vit-base-patch32/resolve/3d74acf9a28c67741b2f4f2ea7635f0aaf6f0268';

/** Weights that are known by name. */
export const weightFiles = {
  /** The Inception network of 2015 of pytorch-fid and torch-fidelity. */
  inception: {
    file: 'pt_inception-2015-12-05-6726825d.pth',
    url: 'https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/pt_inception-2015-12-05-6726825d.pth',
    sha256: '6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2',
    bytes: 95_628_359,
  },
  /** DINOv2, ViT-L/14 without registers. */
  dinov2: {
    file: 'dinov2_vitl14_pretrain.pth',
    url: 'https://dl.fbaipublicfiles.com/dinov2/dinov2_vitl14/dinov2_vitl14_pretrain.pth',
    sha256: 'd5383ea8f4877b2472eb973e0fd72d557c7da5d3611bd527ceeb1d7162cbf428',
    bytes: 1_217_586_395,
  },
  /** CLIP, ViT-L/14. */
  clip: {
    file: 'clip-vit-large-patch14.safetensors',
    url: 'https://huggingface.co/openai/clip-vit-large-patch14/resolve/32bd64288804d66eefd0ccbe215aa642df71cc41/model.safetensors',
    sha256: 'a2bf730a0c7debf160f7a6b50b3aaf3703e7e88ac73de7a314903141db026dcb',
    bytes: 1_710_540_580,
  },
  /** CLIP, ViT-B/32. */
  'clip-b32': {
    file: 'clip-vit-base-patch32.bin',
    url: `${CLIP_B32}/pytorch_model.bin`,
    sha256: 'a63082132ba4f97a80bea76823f544493bffa8082296d62d71581a4feff1576f',
    bytes: 605_247_071,
  },
} as const satisfies Record<string, WeightFile>;

/** The merges of CLIP's tokenizer, which all of its sizes share. */
export const clipMergesFile: WeightFile = {
  file: 'clip-merges.txt',
  url: `${CLIP_B32}/merges.txt`,
  sha256: 'f526393189112391ce6f9795d4695f704121ce452c3aad1f5335cc41337eba85',
  bytes: 524_657,
};
