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


def _entries(shape):
    """Each parameter: its path in the official code, its name here, how its numbers are laid out there, and back."""

    def same(path, name):
        return path, name, lambda x: x, lambda x: x

    def dense(path, name):
        return [(path + "/kernel", name + ".weight", lambda x: x.T, lambda x: x.T), same(path + "/bias", name + ".bias")]

    def norm(path, name):
        return [same(path + "/scale", name + ".weight"), same(path + "/bias", name + ".bias")]

    def first(path, name):
        return path, name, lambda x: x[None], lambda x: x[0]

    top = "octo_transformer/"
    for name, _, _ in shape.pictures:
        stem = f"{top}observation_tokenizers_{name}/SmallStem16_0/"
        for layer in range(len(shape.features)):
            own = f"stems.{name}.convs.{layer}."
            yield (f"{stem}StdConv_{layer}/kernel", own + "kernel",
                   lambda x: x.transpose(2, 3, 1, 0), lambda x: x.transpose(3, 2, 0, 1))
            yield same(f"{stem}StdConv_{layer}/bias", own + "bias")
            yield from norm(f"{stem}GroupNorm_{layer}", f"stems.{name}.norms.{layer}")
        yield (stem + "embedding/kernel", f"stems.{name}.embedding.weight", lambda x: x.T[None, None], lambda x: x[0, 0].T)
        yield same(stem + "embedding/bias", f"stems.{name}.embedding.bias")
    for name in [name for name, _, _ in shape.pictures] + (["proprio"] if shape.proprio else []):
        yield from dense(f"{top}obs_{name}_projection", f"projections.{name}")
        yield first(f"{top}obs_{name}_pos_embedding", f"positions.{name}")
    yield first(top + "readout_action_pos_embedding", "positions.readout")
    transformer = top + "BlockTransformer_0/Transformer_0/"
    width, heads = shape.width, (shape.heads, shape.width // shape.heads)
    for layer in range(shape.layers):
        block, own = f"{transformer}encoderblock_{layer}/", f"blocks.{layer}."
        for number in range(2):
            yield from norm(f"{block}LayerNorm_{number}", f"{own}norms.{number}")
        attention = block + "MultiHeadDotProductAttention_0/"
        for name in ("query", "key", "value"):
            yield (f"{attention}{name}/kernel", f"{own}{name}.weight",
                   lambda x: x.T.reshape(width, *heads), lambda x: x.reshape(width, width).T)
            yield f"{attention}{name}/bias", f"{own}{name}.bias", lambda x: x.reshape(heads), lambda x: x.reshape(width)
        yield (attention + "out/kernel", own + "out.weight",
               lambda x: x.T.reshape(*heads, width), lambda x: x.reshape(width, width).T)
        yield same(attention + "out/bias", own + "out.bias")
        yield from dense(block + "MlpBlock_0/Dense_0", own + "inner")
        yield from dense(block + "MlpBlock_0/Dense_1", own + "outer")
    yield from norm(transformer + "encoder_norm", "norm")
    yield from dense("heads_action/mean_proj", "head")


def parameters(state, shape):
    root = {}
    for path, name, forward, _ in _entries(shape):
        *folders, leaf = path.split("/")
        node = root
        for folder in folders:
            node = node.setdefault(folder, {})
        node[leaf] = _leaf(np.asarray(forward(state[name].detach().float().numpy()), np.float32))
    return root


def load(folder, shape):
    """Parameters by their names here, and statistics, of a checkpoint that `save` has written for the same shape. What training
    alone needs is not in it."""
    folder = Path(folder)
    (step,) = [entry for entry in folder.iterdir() if entry.name.isdigit()]

    def array(code, data):
        extent, kind, numbers = msgpack.unpackb(data)
        return np.frombuffer(numbers, kind).reshape(extent)

    root = msgpack.unpackb((step / "default" / "checkpoint").read_bytes(), ext_hook=array)
    state = {}
    for path, name, _, backward in _entries(shape):
        node = root
        for key in path.split("/"):
            if key not in node:
                raise ValueError(f"{folder}: it has no {path}: it is of another network.")
            node = node[key]
        state[name] = np.ascontiguousarray(backward(node))
    (statistics,) = json.loads((folder / "dataset_statistics.json").read_text()).values()
    return state, statistics


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
