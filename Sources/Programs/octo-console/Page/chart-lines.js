// Lines of a chart and the words about them.

/// Strokes by name; series in one lane differ by stroke or by the sign at their end, so that colour is not needed.
const strokes = { solid: [], dashed: [6, 4], dotted: [1.5, 3.5], dashdot: [8, 3, 1.5, 3] };

/// Strokes one series of a lane. Of points that share a column of pixels only the first, lowest, highest and last are
/// drawn.
export function drawLine(context, series, [from, to], x, y, style) {
    const { points } = series;
    const gap = series.gap_ns ?? Infinity;
    context.strokeStyle = style;
    context.lineWidth = series.width ?? 1.5;
    context.setLineDash(strokes[series.stroke ?? "solid"]);
    context.lineCap = series.stroke === "dotted" ? "round" : "butt";
    context.beginPath();
    let isOpen = false, column = NaN, low = 0, high = 0, last = 0, former = -Infinity;
    const close = () => {
        if (!Number.isNaN(column) && high - low > 0.5) {
            context.lineTo(column, low);
            context.lineTo(column, high);
            context.lineTo(column, last);
        }
    };
    for (let index = Math.max(points.indexAt(from) - 1, points.first); index < points.end; index += 1) {
        const time = points.times[index], value = points.values[index];
        if (Number.isNaN(value)) { isOpen = false; continue; }
        const across = x(time), down = y(value);
        if (isOpen && time - former > gap) isOpen = false;
        if (!isOpen) {
            close();
            context.moveTo(across, down);
            [isOpen, column, low, high] = [true, across, down, down];
        } else if (across - column < 0.5) {
            [low, high] = [Math.min(low, down), Math.max(high, down)];
        } else {
            close();
            if (series.steps) context.lineTo(across, last);
            context.lineTo(across, down);
            [column, low, high] = [across, down, down];
        }
        [last, former] = [down, time];
        if (time > to) break;
    }
    close();
    context.stroke();
    context.setLineDash([]);
    context.lineCap = "butt";
}

/// Writes each series' sign beside its newest value, moved apart where they would lie on each other.
export function drawSigns(context, series, x, y, area, colour, end) {
    const signs = series.filter((one) => one.sign && Number.isFinite(one.points.lastValue))
        .map((one) => ({ one, at: Math.min(Math.max(y(one.points.lastValue), area.top), area.bottom) }))
        .sort((first, second) => first.at - second.at);
    for (let index = 1; index < signs.length; index += 1) {
        signs[index].at = Math.max(signs[index].at, signs[index - 1].at + 12);
    }
    const over = (signs.at(-1)?.at ?? 0) - area.bottom;
    if (over > 0) {
        let ceiling = area.bottom;
        for (const sign of signs.toReversed()) {
            sign.at = Math.min(sign.at, ceiling);
            ceiling = sign.at - 12;
        }
    }
    context.textAlign = "left";
    for (const { one, at } of signs) {
        context.fillStyle = colour(`--series-${one.colour ?? 1}`);
        context.fillRect(area.right + 3, at - 1, 6, 2);
        context.fillStyle = colour("--text");
        context.fillText(one.sign, area.right + 12, at, 52);
    }
}

/// What a lane spans, in people's units: wider at once, narrower only when much is empty, so that it rests.
export function laneRange(lane, series, view, pixels) {
    const scale = lane.scale ?? 1;
    const ticks = Math.max(Math.floor(pixels / 19), 1);
    if (lane.range) {
        const [low, high] = lane.range.map((value) => value * scale);
        return [low, high, niceStep(high - low, ticks)];
    }
    let low = Infinity, high = -Infinity;
    for (const { points } of series) {
        for (let index = points.indexAt(view[0]); index < points.end; index += 1) {
            if (points.times[index] > view[1]) break;
            const value = points.values[index] * scale;
            if (value < low) low = value;
            if (value > high) high = value;
        }
    }
    if (low > high) [low, high] = [0, 0];
    const least = (lane.minimumSpan ?? 1e-3) * scale;
    if (high - low < least) [low, high] = [(low + high - least) / 2, (low + high + least) / 2];
    const kept = lane.shown;
    const isKept = kept && low >= kept[0] && high <= kept[1] && high - low > 0.45 * (kept[1] - kept[0]);
    if (!isKept) {
        const room = (high - low) * 0.08;
        lane.shown = [low - room, high + room];
    }
    return [...lane.shown, niceStep(lane.shown[1] - lane.shown[0], ticks)];
}

/// The least of 1, 2, 5 × 10ⁿ that leaves at most `count` steps in `span`.
export function niceStep(span, count) {
    const raw = Math.max(span, 1e-12) / Math.max(count, 1);
    const power = 10 ** Math.floor(Math.log10(raw));
    return ([1, 2, 5, 10].find((factor) => factor * power >= raw * (1 - 1e-9)) ?? 10) * power;
}

/// A number with as many digits as the step between its neighbours needs.
export function numberText(value, step) {
    const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
    const text = value.toFixed(Math.min(digits, 6));
    // No "-0.0".
    return (Number(text) === 0 ? text.replace("-", "") : text).replace("-", "−");
}

/// Seconds of `ns`, with as many digits as steps of `step` nanoseconds need.
export function secondsText(ns, step) {
    return `${numberText(Math.abs(ns) < step / 1e3 ? 0 : ns / 1e9, step / 1e9)} s`;
}
