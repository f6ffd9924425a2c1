/// A key of a terminal, as far as the terminal can tell them apart.
package enum Key: Hashable, Sendable {
    case up, down, left, right
    case tab, escape
    /// Ctrl-C or Ctrl-D.
    case interrupt
    /// A printable sign of ASCII.
    case sign(Character)
    /// Something else was pressed, or pasted: nobody means the arm to move by it.
    case other
}
