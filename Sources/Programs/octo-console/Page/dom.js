// Elements of the page, made without HTML text: what a node, a goal or a person wrote can never become markup.

const SVG = "http://www.w3.org/2000/svg";
const svgTags = new Set(["svg", "g", "path", "line", "rect", "circle", "polyline", "text", "title"]);

/// The first element that the CSS selector finds, under `root`; null where there is none.
export const $ = (selector, root = document) => root.querySelector(selector);

/// All elements that the CSS selector finds, as an array.
export const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

/// Makes an element.
///
/// Attributes: `class`, `data-…`, `aria-…` and any other by its name; `on…` with a function listens to that event
/// (`onclick`); true sets an attribute without a value, false, null and undefined leave it out; `value`, `checked`,
/// `disabled`, `hidden` and the like are set as properties, so that they hold for inputs too. Children: elements,
/// numbers and strings (which become text), arrays of them; null, undefined and false are left out.
export function h(tag, attributes = {}, ...children) {
    const isSVG = svgTags.has(tag) && tag !== "title";
    const element = isSVG ? document.createElementNS(SVG, tag) : document.createElement(tag);
    for (const [name, value] of Object.entries(attributes ?? {})) set(element, name, value);
    append(element, children);
    return element;
}

/// Sets one attribute, property or listener, as `h` does.
export function set(element, name, value) {
    if (name.startsWith("on") && typeof value === "function") {
        element.addEventListener(name.slice(2).toLowerCase(), value);
    } else if (name === "style" && value !== null && typeof value === "object") {
        Object.assign(element.style, value);
    } else if (properties.has(name)) {
        element[name] = value ?? "";
    } else if (value === true) {
        element.setAttribute(name, "");
    } else if (value !== false && value !== null && value !== undefined) {
        element.setAttribute(name, String(value));
    } else {
        element.removeAttribute(name);
    }
}

const properties = new Set([
    "value", "checked", "disabled", "hidden", "selected", "open", "indeterminate", "textContent",
]);

function append(element, children) {
    for (const child of children.flat(Infinity)) {
        if (child === null || child === undefined || child === false || child === true) continue;
        element.append(child instanceof Node ? child : String(child));
    }
}

/// Takes everything out of an element, and returns it.
export function clear(node) {
    node.replaceChildren();
    return node;
}

/// Puts these children in place of the present ones.
export function fill(node, ...children) {
    node.replaceChildren();
    append(node, children);
    return node;
}

/// Sets the text where it differs, so that a selection, and a screen reader's live region, are left alone otherwise.
export function say(node, text) {
    if (node.textContent !== text) node.textContent = text;
}

/// Sets an attribute where it differs; null removes it.
export function mark(node, name, value) {
    if (value === null || value === undefined) {
        if (node.hasAttribute(name)) node.removeAttribute(name);
    } else if (node.getAttribute(name) !== String(value)) {
        node.setAttribute(name, String(value));
    }
}
