"""PyTorch on the processor: answers requests, a JSON object a line on standard input, in the same way on file descriptor 3."""

import json
import math
import os
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F

GAMMA, ZETA, BETA, MARGIN = -0.1, 1.1, 0.33, 1e-6
OPEN_SHIFT = BETA * math.log(-GAMMA / ZETA)
EDITS = ["scale", "offset", "scale_gate", "offset_gate"]


def read_tensors(file):
    """The tensors of a safetensors file of f32, by name."""
    data = np.memmap(file, mode="c")
    length = int.from_bytes(data[:8].tobytes(), "little")
    header = json.loads(data[8 : 8 + length].tobytes())
    header.pop("__metadata__", None)

    def tensor(about):
        start, end = about["data_offsets"]
        part = data[8 + length + start : 8 + length + end]
        return torch.from_numpy(part.view(np.float32).copy()).reshape(about["shape"])

    return {name: tensor(about) for name, about in header.items()}


class Model:
    """A Llama-shaped model's folder. Projections are kept as checkpoints have them, [out, in]."""

    def __init__(self, folder):
        with open(os.path.join(folder, "config.json")) as f:
            config = json.load(f)
        tensors = read_tensors(os.path.join(folder, "model.safetensors"))
        self.L, self.E, self.H = config["num_hidden_layers"], config["hidden_size"], config["num_attention_heads"]
        self.K = config.get("num_key_value_heads", self.H)
        self.D, self.eps = config.get("head_dim", self.E // self.H), config["rms_norm_eps"]
        self.base = config["rope_theta"]
        self.embed, self.norm_weight = tensors["model.embed_tokens.weight"], tensors["model.norm.weight"]
        names = {
            "attention_norm": "input_layernorm",
            "q": "self_attn.q_proj",
            "k": "self_attn.k_proj",
            "v": "self_attn.v_proj",
            "o": "self_attn.o_proj",
            "mlp_norm": "post_attention_layernorm",
            "gate": "mlp.gate_proj",
            "up": "mlp.up_proj",
            "down": "mlp.down_proj",
        }
        self.layers = [
            {short: tensors[f"model.layers.{l}.{name}.weight"] for short, name in names.items()} for l in range(self.L)
        ]

    def norm(self, x, weight):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps) * weight

    def rotations(self, positions):
        pairs = torch.arange(0, self.D, 2, dtype=torch.float64) / self.D
        angles = torch.outer(torch.arange(positions, dtype=torch.float64), self.base**-pairs)
        return torch.cos(angles).float(), torch.sin(angles).float()

    def logits(self, tokens, factor, shift, last=False):
        """
        [B, T] to [B, T, V], or [B, 1, V] of the last positions; heads' outputs are multiplied by `factor` and
        `shift` is added, both [L, H, D].
        """
        B, T = tokens.shape
        cos, sin = self.rotations(T)
        later = torch.full((T, T), float("-inf")).triu(1)
        heads = lambda x: x.view(B, T, -1, self.D).transpose(1, 2)
        every = lambda x: x if self.K == self.H else x.repeat_interleave(self.H // self.K, 1)
        x = F.embedding(tokens, self.embed)
        for l, w in enumerate(self.layers):
            n = self.norm(x, w["attention_norm"])
            q, k, v = (heads(F.linear(n, w[name])) for name in "qkv")
            z = attention(rotate(q, cos, sin), every(rotate(k, cos, sin)), every(v), later)
            z = z * factor[l][None, :, None] + shift[l][None, :, None]
            x = x + F.linear(z.transpose(1, 2).reshape(B, T, -1), w["o"])
            n = self.norm(x, w["mlp_norm"])
            x = x + F.linear(F.silu(F.linear(n, w["gate"])) * F.linear(n, w["up"]), w["down"])
        x = x[:, -1:] if last else x
        return F.linear(self.norm(x, self.norm_weight), self.embed)

    def next(self, token, position, keys, values, cos, sin):
        """The logits after one more token; its keys and values are put into the caches [L, H, T, D]."""
        x = self.embed[token][None]
        c, s = cos[position], sin[position]
        for l, w in enumerate(self.layers):
            n = self.norm(x, w["attention_norm"])
            q, k, v = (F.linear(n, w[name]).view(self.H, 1, self.D) for name in "qkv")
            keys[l, :, position] = rotate(k, c, s)[:, 0]
            values[l, :, position] = v[:, 0]
            seen_keys, seen_values = keys[l, :, : position + 1], values[l, :, : position + 1]
            scores = rotate(q, c, s) @ seen_keys.transpose(-1, -2) / math.sqrt(self.D)
            z = torch.softmax(scores, -1) @ seen_values
            x = x + F.linear(z.reshape(1, self.E), w["o"])
            n = self.norm(x, w["mlp_norm"])
            x = x + F.linear(F.silu(F.linear(n, w["gate"])) * F.linear(n, w["up"]), w["down"])
        return F.linear(self.norm(x, self.norm_weight), self.embed)[0]


def rotate(x, cos, sin):
    a, b = x.chunk(2, -1)
    return torch.cat((a * cos - b * sin, b * cos + a * sin), -1)


def attention(q, k, v, later):
    if hasattr(F, "scaled_dot_product_attention"):
        return F.scaled_dot_product_attention(q, k, v, is_causal=True)
    return torch.softmax(q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1]) + later, -1) @ v


class Product:
    def __init__(self, m, n, k, left, right, transposedRight, positions):
        floats = lambda file, shape: torch.from_numpy(np.fromfile(file, np.float32)).reshape(shape)
        self.a, self.positions = floats(left, (m, k)), positions
        self.b = floats(right, (n, k)).t() if transposedRight else floats(right, (k, n))
        self.c = torch.empty(m, n)

    def check(self):
        return torch.mm(self.a, self.b, out=self.c).flatten()[self.positions].tolist()

    def run(self, times):
        for _ in range(times):
            torch.mm(self.a, self.b, out=self.c)


def settled(phi):
    return (torch.sigmoid(phi) * (ZETA - GAMMA) + GAMMA).clamp(0, 1)[..., None]


class Forward:
    def __init__(self, folder):
        self.model = Model(folder)
        with open(os.path.join(folder, "step.json")) as f:
            self.about = json.load(f)
        self.last = False
        self.use(self.about)
        self.tensors = read_tensors(os.path.join(folder, "step.safetensors"))
        self.edits = [self.tensors[name] for name in EDITS]

    def use(self, batch):
        self.tokens = torch.tensor(batch["tokens"]).view(batch["B"], batch["T"])
        self.targets = torch.tensor(batch["targets"])

    def cross_entropy(self, factor, shift):
        logits = self.model.logits(self.tokens, factor, shift, self.last)
        return F.cross_entropy(logits.view(self.targets.numel(), -1), self.targets)

    def once(self):
        scale, offset, scale_gate, offset_gate = self.edits
        with torch.no_grad():
            return self.cross_entropy(1 + settled(scale_gate) * scale, settled(offset_gate) * offset).item()

    def check(self):
        return [self.once()]

    def run(self, times):
        for _ in range(times):
            self.once()


class Training(Forward):
    """JoLA's step: sampled gates, the loss with its penalty, a clipped gradient, AdamW."""

    def __init__(self, folder, checked):
        super().__init__(folder)
        self.checked, self.done = checked, 0
        self.edits = [e.clone().requires_grad_(True) for e in self.edits]
        self.first = [torch.zeros_like(e) for e in self.edits]
        self.second = [torch.zeros_like(e) for e in self.edits]

    def gates(self, kind, phi):
        noise = self.tensors[f"noise_{kind}"]
        u = MARGIN + (1 - 2 * MARGIN) * noise[self.done % len(noise)]
        open_ = torch.sigmoid((torch.log(u) - torch.log(1 - u) + phi) / BETA)
        return (open_ * (ZETA - GAMMA) + GAMMA).clamp(0, 1)[..., None]

    def once(self):
        settings, step, steps = self.about["settings"], self.about["at"] + self.done, self.about["steps"]
        warm = lambda n, length: min(1, n / length) if length > 0 else 1
        left = min(1, max(0, step + 1 - settings["warmup"]) / max(1, steps - settings["warmup"]))
        pace = warm(step + 1, settings["warmup"]) * 0.5 * (1 + math.cos(math.pi * left))
        penalty = settings["penalty"] * warm(step, settings["penalty_warmup"])
        scale, offset, scale_gate, offset_gate = self.edits
        answers = self.cross_entropy(
            1 + self.gates("scale", scale_gate) * scale, self.gates("offset", offset_gate) * offset
        )
        chance = lambda phi: torch.sigmoid(phi - OPEN_SHIFT).mean()
        total = answers + penalty * (chance(scale_gate) + chance(offset_gate))
        gradients = torch.autograd.grad(total, self.edits)
        self.done += 1
        with torch.no_grad():
            norm = math.sqrt(sum(g.pow(2).sum().item() for g in gradients))
            shrink = min(1, settings["clip"] / (norm + 1e-6))
            for name, e, g, m, v in zip(EDITS, self.edits, gradients, self.first, self.second):
                g = g * shrink
                m.mul_(0.9).add_(g, alpha=0.1)
                v.mul_(0.999).add_(g * g, alpha=0.001)
                direction = m / (1 - 0.9**self.done) / ((v / (1 - 0.999**self.done)).sqrt() + 1e-8)
                rate = settings["gate_rate"] if name.endswith("gate") else settings["learning_rate"]
                e -= pace * rate * direction
        return answers.item()

    def check(self):
        losses = [self.once() for _ in range(self.checked)]
        return losses + [x for e in self.edits for x in e.detach().flatten().tolist()]


class Lengths(Training):
    """JoLA's step on batches of several lengths, whose rows are full and have an answer of one token."""

    def __init__(self, folder):
        super().__init__(folder, 0)
        self.last = True

    def check(self):
        losses = []
        for batch in self.about["batches"]:
            self.use(batch)
            losses.append(self.once())
        return losses + [x for e in self.edits for x in e.detach().flatten().tolist()]

    def run(self, times, batch):
        self.use(self.about["batches"][batch])
        for _ in range(times):
            self.once()


class Decoding:
    """One sequence, greedily, with keys and values kept."""

    def __init__(self, folder, prompt, tokens):
        self.model, self.prompt, self.count = Model(folder), prompt, tokens
        length = len(prompt) + tokens
        self.cos, self.sin = self.model.rotations(length)
        shape = (self.model.L, self.model.H, length, self.model.D)
        self.keys, self.values = torch.empty(shape), torch.empty(shape)

    def once(self):
        with torch.no_grad():
            written, token = [], self.prompt[0]
            for position in range(len(self.prompt) + self.count - 1):
                logits = self.model.next(token, position, self.keys, self.values, self.cos, self.sin)
                if position + 1 < len(self.prompt):
                    token = self.prompt[position + 1]
                else:
                    token = int(logits.argmax())
                    written.append(token)
            return written

    def check(self):
        return self.once()

    def run(self, times):
        for _ in range(times):
            self.once()


class Scan:
    """A selective scan, step by step, and the gradients of the sum of its squares."""

    def __init__(self, T, E, N, a, b, c, positions):
        floats = lambda file, shape: torch.from_numpy(np.fromfile(file, np.float32)).reshape(shape).requires_grad_()
        self.inputs = [floats(a, (T, E, N)), floats(b, (T, E, N)), floats(c, (T, N))]
        self.positions = positions

    def once(self):
        # Steps as views: indexing step by step would add a tensor of all steps for each in the reverse.
        steps = zip(*(x.unbind(0) for x in self.inputs))
        h = torch.zeros(self.inputs[0].shape[1:])
        ys = []
        for a, b, c in steps:
            h = a * h + b
            ys.append(h @ c)
        return torch.autograd.grad(torch.stack(ys).pow(2).sum(), self.inputs)

    def check(self):
        return [x for g in self.once() for x in g.flatten()[self.positions].tolist()]

    def run(self, times):
        for _ in range(times):
            self.once()


WORKS = {
    "product": Product,
    "forward": Forward,
    "training": Training,
    "lengths": Lengths,
    "decoding": Decoding,
    "scan": Scan,
}


def main():
    # The cores that this process may use, where the system tells them: the machine may have more.
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    torch.set_num_threads(int(os.environ.get("THREADS", cores)))
    answers = os.fdopen(3, "w")
    current = None
    for line in sys.stdin:
        request = json.loads(line)
        verb = request.pop("verb")
        try:
            if verb == "open":
                name = f"PyTorch {torch.__version__}, {torch.get_num_threads()} threads"
                answer = {"name": name, "works": list(WORKS)}
            elif verb == "prepare":
                current = None
                current = WORKS[request.pop("work")](**request)
                answer = {"values": current.check()}
            else:
                start = time.perf_counter()
                current.run(**request)
                answer = {"milliseconds": (time.perf_counter() - start) * 1e3 / request["times"]}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


main()
