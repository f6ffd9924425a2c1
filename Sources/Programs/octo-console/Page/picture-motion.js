// How the live picture lies in the goal's, in words and as an arrow.

import { degrees, fixed } from "./words.js";

/// A shift below this many pixels, and a turn below this angle, are noise of the measurement and are not drawn.
const LEAST_SHIFT_PX = 0.5;
const LEAST_TURN_RAD = 0.3 * Math.PI / 180;

/// Where the picture went since the goal was taken: "picture 6.2 px right, 2.5 px down".
export function motionWords(fit) {
    const words = shiftWords(fit);
    return words === "" ? "picture where it was" : `picture ${words}`;
}

/// "6.2 px right, 2.5 px down"; empty below half a pixel.
function shiftWords(fit) {
    const x = fit.shift_x_px ?? 0;
    const y = fit.shift_y_px ?? 0;
    const parts = [];
    if (Math.abs(x) >= LEAST_SHIFT_PX) parts.push(`${fixed(Math.abs(x))} px ${x > 0 ? "right" : "left"}`);
    if (Math.abs(y) >= LEAST_SHIFT_PX) parts.push(`${fixed(Math.abs(y))} px ${y > 0 ? "down" : "up"}`);
    return parts.join(", ");
}

/// Draws it: an arrow from the middle, longer than the shift itself, which
/// would hardly be seen, with the true number beside it; and an arc for the turn.
export function drawMotion(context, fit, { width, height, pictureWidth, colour }) {
    const x = fit.shift_x_px ?? 0;
    const y = fit.shift_y_px ?? 0;
    const length = Math.hypot(x, y);
    const turn = fit.rotation_rad ?? 0;
    const middle = { x: width / 2, y: height / 2 };
    const lines = [];
    if (length >= LEAST_SHIFT_PX) {
        const onPage = Math.min(0.36 * Math.min(width, height), 26 + 5 * length * (width / pictureWidth));
        const tip = { x: middle.x + x / length * onPage, y: middle.y + y / length * onPage };
        stroke(context, colour, () => {
            context.moveTo(middle.x, middle.y);
            context.lineTo(tip.x, tip.y);
            head(context, tip, Math.atan2(y, x));
        });
        lines.push(motionWords(fit));
    }
    if (Math.abs(turn) >= LEAST_TURN_RAD) {
        const radius = 0.42 * Math.min(width, height);
        // Drawn ten times as far as it is, a right angle at most.
        const sweep = Math.sign(turn) * Math.min(Math.PI / 2, Math.abs(turn) * 10);
        const from = -Math.PI / 2;
        const to = from + sweep;
        stroke(context, colour, () => {
            context.arc(middle.x, middle.y, radius, from, to, sweep < 0);
            const tip = { x: middle.x + radius * Math.cos(to), y: middle.y + radius * Math.sin(to) };
            head(context, tip, to + Math.sign(sweep) * Math.PI / 2);
        });
        lines.push(`turned ${degrees(Math.abs(turn))} ${turn > 0 ? "clockwise" : "counter-clockwise"}`);
    }
    lines.reverse().forEach((text, index) => label(context, text, middle, height - 20 - 27 * index));
}

function head(context, tip, angle) {
    for (const side of [-1, 1]) {
        context.moveTo(tip.x, tip.y);
        const back = angle + Math.PI + side * 0.5;
        context.lineTo(tip.x + 14 * Math.cos(back), tip.y + 14 * Math.sin(back));
    }
}

/// A line that is seen on light and on dark pictures.
function stroke(context, colour, path) {
    context.lineCap = "round";
    context.lineJoin = "round";
    for (const [style, width] of [["rgb(0 0 0 / 75%)", 8], ["white", 5], [colour, 3]]) {
        context.beginPath();
        path();
        context.strokeStyle = style;
        context.lineWidth = width;
        context.stroke();
    }
}

function label(context, text, middle, y) {
    context.font = "600 13px system-ui, sans-serif";
    const width = context.measureText(text).width;
    context.fillStyle = "rgb(0 0 0 / 72%)";
    context.beginPath();
    context.roundRect(middle.x - width / 2 - 9, y - 13, width + 18, 25, 6);
    context.fill();
    context.fillStyle = "white";
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.fillText(text, middle.x, y);
}
