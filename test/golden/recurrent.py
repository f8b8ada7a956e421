"""Recurrent cells and layers: python test/golden/recurrent.py"""

import torch
from golden import Golden
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

g = Golden("recurrent")
BATCH, INPUT, HIDDEN = 3, 3, 4
GATES = {"rnn": 1, "lstm": 4, "gru": 3}


def weights(gates, input, hidden, bias):
    rows = gates * hidden
    scale = hidden**-0.5
    shapes = [(rows, input), (rows, hidden)] + ([(rows,), (rows,)] if bias else [])
    return [g.uniform(*shape, low=-scale, high=scale) for shape in shapes]


def cell(kind, nonlinearity, *inputs):
    states = 2 if kind == "lstm" else 1
    x, h, given = inputs[0], inputs[1 : 1 + states], [w for w in inputs[1 + states :] if w is not None]
    gates = GATES[kind]
    options = {"nonlinearity": nonlinearity} if kind == "rnn" else {}
    made = {"rnn": torch.nn.RNNCell, "lstm": torch.nn.LSTMCell, "gru": torch.nn.GRUCell}[kind]
    module = made(x.shape[-1], h[0].shape[-1], bias=len(given) > 2, **options)
    names = ["weight_ih", "weight_hh", "bias_ih", "bias_hh"]
    assert given[0].shape == (gates * HIDDEN, INPUT)
    call = dict(zip(names, given))
    return torch.func.functional_call(module, call, (x, tuple(h) if kind == "lstm" else h[0]))


for kind, gates in GATES.items():
    for nonlinearity in ["tanh", "relu"] if kind == "rnn" else ["tanh"]:
        for batch, bias in [((BATCH,), True), ((), False)]:
            states = [g.uniform(*batch, HIDDEN) for _ in range(2 if kind == "lstm" else 1)]
            inputs = [g.normal(*batch, INPUT), *states, *weights(gates, INPUT, HIDDEN, bias)]
            inputs += [] if bias else [None, None]
            options = {"nonlinearity": nonlinearity} if kind == "rnn" else {}
            f = lambda *a: cell(kind, nonlinearity, *a)
            g.case(kind + "Cell", f, inputs, options, name=f"{kind}Cell {nonlinearity} batch {batch} bias {bias}")


def layers(kind, options, lengths, *inputs):
    """PyTorch's module on Weft's list of inputs."""
    count = options.get("layers", 1)
    bias = options.get("bias", True)
    first = options.get("batchFirst", False)
    states = 2 if kind == "lstm" else 1
    x, h = inputs[0], inputs[1 : 1 + states]
    given = inputs[1 + states : len(inputs) - (1 if lengths is not None else 0)]
    extra = {"nonlinearity": options.get("nonlinearity", "tanh")} if kind == "rnn" else {}
    made = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[kind]
    module = made(
        x.shape[-1],
        h[0].shape[-1],
        count,
        bias=bias,
        batch_first=first,
        bidirectional=options.get("bidirectional", False),
        **extra,
    )
    call = dict(zip([name for name, _ in module.named_parameters()], given, strict=True))
    state = tuple(h) if kind == "lstm" else h[0]
    steps = x.shape[1 if first and x.dim() == 3 else 0]
    if lengths is not None:
        x = pack_padded_sequence(x, torch.tensor(lengths), batch_first=first, enforce_sorted=False)
    y, last = torch.func.functional_call(module, call, (x, state))
    if lengths is not None:
        y, _ = pad_packed_sequence(y, batch_first=first, total_length=steps)
    return [y, *(last if kind == "lstm" else [last])]


def layer_case(kind, options, lengths=None, steps=4, batch=BATCH, input=INPUT, hidden=HIDDEN, single=False):
    directions = 2 if options.get("bidirectional") else 1
    count = options.get("layers", 1)
    size = [steps] if single else [batch, steps] if options.get("batchFirst") else [steps, batch]
    many = [] if single else [batch]
    inputs = [g.normal(*size, input)]
    inputs += [g.uniform(count * directions, *many, hidden) for _ in range(2 if kind == "lstm" else 1)]
    for k in range(count * directions):
        features = input if k < directions else directions * hidden
        inputs += weights(GATES[kind], features, hidden, options.get("bias", True))
    inputs += [] if lengths is None else [torch.tensor(lengths, dtype=torch.int32).numpy()]
    name = f"{kind} {options} lengths {lengths} {[*size, input]} -> {hidden}"
    g.case(kind, lambda *a: layers(kind, options, lengths, *a), inputs, options, name=name)


for kind in GATES:
    layer_case(kind, {})
    layer_case(kind, {"bias": False, "batchFirst": True})
    layer_case(kind, {"layers": 2}, steps=2)
    layer_case(kind, {"bidirectional": True}, steps=2)
    layer_case(kind, {}, lengths=[2, 4, 1])
    layer_case(kind, {"layers": 2, "bidirectional": True, "batchFirst": True}, lengths=[3, 1, 4], input=2, hidden=3)
    layer_case(kind, {}, steps=1, batch=1, input=1, hidden=1)
    layer_case(kind, {"batchFirst": True, "bidirectional": True}, steps=3, input=2, hidden=3, single=True)
layer_case("rnn", {"nonlinearity": "relu"})
layer_case("rnn", {"nonlinearity": "relu", "layers": 2, "bidirectional": True}, lengths=[4, 2, 3])
g.save()
