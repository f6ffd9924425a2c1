import JSONTree
import Time

/// Elements are named by their CSS selector in every call: the page makes them anew whenever it likes.
extension Browser {
    /// A key as WebDriver writes it. Section 17.4.2 of the specification.
    enum Key: String {
        case space = " "
        case escape = "\u{e00c}"
        case enter = "\u{e007}"
    }

    /// The driver's own name for the first element that fits.
    func find(_ css: String) throws -> String {
        let found = try call("POST", "/element", .object(["using": "css selector", "value": JSONNode(css)]))
        guard let name = found.object?.first?.value.string else {
            throw Failure(kind: "no such element", words: css)
        }
        return name
    }

    /// What people read in the element; nil where it is not there.
    func text(_ css: String) throws -> String? {
        try script("return document.querySelector(arguments[0])?.innerText ?? null", [JSONNode(css)]).string
    }

    /// The texts of all elements that fit.
    func texts(_ css: String) throws -> [String] {
        try script("return [...document.querySelectorAll(arguments[0])].map(x => x.innerText)", [JSONNode(css)])
            .array?.compactMap(\.string) ?? []
    }

    func attribute(_ css: String, _ name: String) throws -> String? {
        try script(
            "return document.querySelector(arguments[0])?.getAttribute(arguments[1]) ?? null",
            [JSONNode(css), JSONNode(name)]
        ).string
    }

    /// Whether it is there and takes room on the page.
    func isVisible(_ css: String) throws -> Bool {
        try script(
            "const x = document.querySelector(arguments[0]); return !!x && x.checkVisibility() && x.clientHeight > 0",
            [JSONNode(css)]
        ).bool == true
    }

    /// Clicks as a mouse does, as soon as nothing lies over the element.
    func click(_ css: String, upTo limit: Double = 20) throws {
        try Self.poll("a click on \(css)", limit: limit) {
            let element = try find(css)
            try bringIntoView(css)
            return try call("POST", "/element/\(element)/click")
        }
    }

    /// Scrolls as people do who look at something: away from the page's edges, where its header lies.
    private func bringIntoView(_ css: String) throws {
        try script("document.querySelector(arguments[0])?.scrollIntoView({block: 'center'})", [JSONNode(css)])
    }

    /// Replaces what stands in a field.
    func type(_ text: String, into css: String, upTo limit: Double = 20) throws {
        try Self.poll("typing into \(css)", limit: limit) {
            let element = try find(css)
            try call("POST", "/element/\(element)/clear")
            return try call("POST", "/element/\(element)/value", .object(["text": JSONNode(text)]))
        }
    }

    /// Moves a slider or another field of numbers as its user does: the page is told by `input` and `change`.
    func set(_ css: String, to value: Int) throws {
        try script(
            """
            const x = document.querySelector(arguments[0]);
            x.value = arguments[1];
            for (const name of ['input', 'change']) x.dispatchEvent(new Event(name, {bubbles: true}));
            """, [JSONNode(css), JSONNode(value)])
    }

    /// Puts the mouse's button down on the element, and does not lift it.
    func pressAndHold(_ css: String, upTo limit: Double = 20) throws {
        try Self.poll("the mouse on \(css)", limit: limit) {
            let element = try find(css)
            try bringIntoView(css)
            let origin: JSONNode = .object(["element-6066-11e4-a52e-4f735466cecf": JSONNode(element)])
            let steps: [JSONNode] = [
                .object(["type": "pointerMove", "duration": 0, "origin": origin, "x": 0, "y": 0]),
                .object(["type": "pointerDown", "button": 0]),
            ]
            return try perform(
                .object([
                    "type": "pointer", "id": "mouse", "parameters": .object(["pointerType": "mouse"]),
                    "actions": JSONNode(.array(steps)),
                ]))
        }
    }

    /// Puts a key down, and does not lift it.
    func keyDown(_ key: Key) throws {
        try perform(keyboard([.object(["type": "keyDown", "value": JSONNode(key.rawValue)])]))
    }

    /// Strikes a key.
    func press(_ key: Key) throws {
        let steps = ["keyDown", "keyUp"].map { kind -> JSONNode in
            .object(["type": JSONNode(kind), "value": JSONNode(key.rawValue)])
        }
        try perform(keyboard(steps))
    }

    /// Lifts what was put down. Section 15.8 of the specification.
    func release() throws { try call("DELETE", "/actions") }

    private func keyboard(_ steps: [JSONNode]) -> JSONNode {
        .object(["type": "key", "id": "keyboard", "actions": JSONNode(.array(steps))])
    }

    /// Section 15.7 of the specification.
    @discardableResult
    private func perform(_ source: JSONNode) throws -> JSONNode {
        try call("POST", "/actions", .object(["actions": JSONNode(.array([source]))]))
    }

    /// Waits until the page is as it should be.
    /// - Parameter condition: asked over and over; a `Failure` counts as "not yet".
    func wait(for what: String, upTo limit: Double = 30, until condition: (Browser) throws -> Bool) throws {
        do {
            try Self.poll(what, limit: limit) { try condition(self) ? () : nil }
        } catch let late as TimedOut {
            let page = (try? script("return document.body?.innerText ?? ''").string) ?? "(no page)"
            throw TimedOut(description: "\(late.description)\nThe page says:\n\(page.prefix(3_000))")
        }
    }
}
