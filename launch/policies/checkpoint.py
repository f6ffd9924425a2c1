"""Writes the folder that Octo's `save_pretrained` writes: config.json, statistics, an example batch, parameters as msgpack."""

import json
import shutil
import struct
from pathlib import Path

import msgpack
import numpy as np


def _leaf(array):
    array = np.ascontiguousarray(array)
    return msgpack.ExtType(1, msgpack.packb([list(array.shape), array.dtype.name, array.tobytes()], use_bin_type=True))


class _Tree:
    """Parameters by their path in the official code."""

    def __init__(self, state):
        self.state = state
        self.root = {}

    def numbers(self, name):
        return self.state[name].detach().float().numpy()

    def put(self, path, array):
        *folders, leaf = path.split("/")
        node = self.root
        for folder in folders:
            node = node.setdefault(folder, {})
        node[leaf] = _leaf(np.asarray(array, np.float32))

    def dense(self, path, name):
        self.put(path + "/kernel", self.numbers(name + ".weight").T)
        self.put(path + "/bias", self.numbers(name + ".bias"))

    def norm(self, path, name):
        self.put(path + "/scale", self.numbers(name + ".weight"))
        self.put(path + "/bias", self.numbers(name + ".bias"))


def parameters(state, shape):
    tree = _Tree(state)
    top = "octo_transformer/"
    for name, _, _ in shape.pictures:
        stem = f"{top}observation_tokenizers_{name}/SmallStem16_0/"
        for layer in range(len(shape.features)):
            own = f"stems.{name}.convs.{layer}."
            tree.put(f"{stem}StdConv_{layer}/kernel", tree.numbers(own + "kernel").transpose(2, 3, 1, 0))
            tree.put(f"{stem}StdConv_{layer}/bias", tree.numbers(own + "bias"))
            tree.norm(f"{stem}GroupNorm_{layer}", f"stems.{name}.norms.{layer}")
        tree.put(stem + "embedding/kernel", tree.numbers(f"stems.{name}.embedding.weight").T[None, None])
        tree.put(stem + "embedding/bias", tree.numbers(f"stems.{name}.embedding.bias"))
    for name in [name for name, _, _ in shape.pictures] + (["proprio"] if shape.proprio else []):
        tree.dense(f"{top}obs_{name}_projection", f"projections.{name}")
        tree.put(f"{top}obs_{name}_pos_embedding", tree.numbers(f"positions.{name}")[None])
    tree.put(top + "readout_action_pos_embedding", tree.numbers("positions.readout")[None])
    transformer = top + "BlockTransformer_0/Transformer_0/"
    size = shape.width // shape.heads
    for layer in range(shape.layers):
        block, own = f"{transformer}encoderblock_{layer}/", f"blocks.{layer}."
        for norm in range(2):
            tree.norm(f"{block}LayerNorm_{norm}", f"{own}norms.{norm}")
        attention = block + "MultiHeadDotProductAttention_0/"
        for name in ("query", "key", "value"):
            kernel = tree.numbers(f"{own}{name}.weight").T
            tree.put(f"{attention}{name}/kernel", kernel.reshape(shape.width, shape.heads, size))
            tree.put(f"{attention}{name}/bias", tree.numbers(f"{own}{name}.bias").reshape(shape.heads, size))
        kernel = tree.numbers(own + "out.weight").T
        tree.put(attention + "out/kernel", kernel.reshape(shape.heads, size, shape.width))
        tree.put(attention + "out/bias", tree.numbers(own + "out.bias"))
        tree.dense(block + "MlpBlock_0/Dense_0", own + "inner")
        tree.dense(block + "MlpBlock_0/Dense_1", own + "outer")
    tree.norm(transformer + "encoder_norm", "norm")
    tree.dense("heads_action/mean_proj", "head")
    return tree.root


def configuration(shape, note):
    def spec(module, name, **kwargs):
        return {"module": module, "name": name, "args": [], "kwargs": kwargs}

    tokenizers = {}
    for name, _, has_goal in shape.pictures:
        key = f"image_{name}"
        encoder = spec(
            "octo.model.components.vit_encoders", "SmallStem16", features=list(shape.features), num_features=shape.stem_features)
        tokenizers[name] = spec(
            "octo.model.components.tokenizers", "ImageTokenizer", obs_stack_keys=[key],
            task_stack_keys=[key] if has_goal else [], encoder=encoder)
    if shape.proprio:
        tokenizers["proprio"] = spec("octo.model.components.tokenizers", "LowdimObsTokenizer", obs_keys=["proprio"])
    head = spec(
        "octo.model.components.action_heads", "ContinuousActionHead", readout_key="readout_action", use_map=False,
        action_horizon=shape.horizon, action_dim=shape.action_numbers)
    model = {
        "observation_tokenizers": tokenizers, "task_tokenizers": {}, "heads": {"action": head}, "readouts": {"action": 1},
        "transformer_kwargs": {
            "num_layers": shape.layers, "mlp_dim": shape.mlp, "num_attention_heads": shape.heads, "dropout_rate": 0.0,
            "attention_dropout_rate": 0.0, "add_position_embedding": False,
        },
        "token_embedding_size": shape.width, "max_horizon": shape.window, "repeat_task_tokens": False,
        "use_correct_attention": True,
    }
    # Octo's finetune.py asks for what was frozen.
    optimizer = {"frozen_keys": None}
    return {
        "model": model, "text_processor": None, "window_size": shape.window, "seed": 0, "note": note, "optimizer": optimizer,
    }


def _example(shape, batch):
    """The first sample of a batch, in the shapes that the official code takes its own from."""
    real = batch["is_real"][:1]
    observation = {f"image_{name}": _leaf(batch["pictures"][name][:1]) for name, _, _ in shape.pictures}
    if shape.proprio:
        observation["proprio"] = _leaf(batch["state"][:1].astype(np.float32))
    keys = list(observation)
    observation["timestep_pad_mask"] = _leaf(real)
    observation["pad_mask_dict"] = {key: _leaf(real) for key in keys}
    goals = {f"image_{name}": _leaf(batch["goals"][name][:1]) for name, _, fused in shape.pictures if fused}
    task = goals | {"pad_mask_dict": {key: _leaf(np.ones(1, bool)) for key in goals}}
    actions = batch["actions"][:1]
    return {
        "observation": observation, "task": task, "action": _leaf(actions),
        "action_pad_mask": _leaf(np.ones(actions.shape, bool)),
    }


def save(folder, step, state, shape, statistics, batch, note):
    """The folder is whole or not there: an earlier one gives way only to a finished one."""
    folder = Path(folder)
    unfinished = folder.with_name(folder.name + ".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    (unfinished / str(step) / "default").mkdir(parents=True)
    (unfinished / "config.json").write_text(json.dumps(configuration(shape, note), indent=1) + "\n")
    (unfinished / "dataset_statistics.json").write_text(json.dumps({"bridge_dataset": statistics}, indent=1) + "\n")
    (unfinished / "example_batch.msgpack").write_bytes(msgpack.packb(_example(shape, batch), use_bin_type=True))
    data = msgpack.packb(parameters(state, shape), use_bin_type=True)
    (unfinished / str(step) / "default" / "checkpoint").write_bytes(data)
    shutil.rmtree(folder, ignore_errors=True)
    unfinished.rename(folder)


def save_case(path, shape, statistics, batch, readouts, chunk):
    """Inputs and outputs of one inference, for `octo-policy verify --case`. readouts: (T, width), chunk: (horizon, numbers) of
    the newest timestep, normalised."""
    moments = statistics["action"]
    mask = np.array(moments["mask"])
    action = np.where(mask, chunk * np.array(moments["std"]) + np.array(moments["mean"]), chunk).astype(np.float32)
    tensors = {
        "in.unnorm.mean": np.array(moments["mean"], np.float32), "in.unnorm.std": np.array(moments["std"], np.float32),
        "in.unnorm.mask": mask.astype(np.uint8), "out.action": action[None], "out.action_normalized": chunk[None],
        "out.readout": readouts[None, :, None],
        "in.obs.timestep_pad_mask": batch["is_real"][:1].astype(np.uint8),
    }
    for name, _, fused in shape.pictures:
        tensors[f"in.obs.image_{name}"] = batch["pictures"][name][:1]
        if fused:
            tensors[f"in.task.image_{name}"] = batch["goals"][name][:1]
    if shape.proprio:
        tensors["in.obs.proprio"] = batch["state"][:1].astype(np.float32)
    header, data = {}, b""
    for name, array in tensors.items():
        bytes_ = np.ascontiguousarray(array).tobytes()
        kind = "U8" if array.dtype == np.uint8 else "F32"
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [len(data), len(data) + len(bytes_)]}
        data += bytes_
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    Path(path).write_bytes(struct.pack("<Q", len(text)) + text + data)
