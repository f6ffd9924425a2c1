/// One way in which a goal can differ from the scene that it is for. All others stay as they are.
package enum GoalAxis: String, CaseIterable, Sendable {
    case cameraShift = "camera-shift"
    case cameraTurn = "camera-turn"
    case cameraZoom = "camera-zoom"
    case cameraOrbit = "camera-orbit"
    case darker
    case brighter
    case objectMoved = "object-moved"
    case objectColour = "object-colour"
    case armAway = "arm-away"
    case distractorAdded = "distractor-added"
    case distractorMoved = "distractor-moved"
    case channelsSwapped = "channels-swapped"
    case jpeg

    /// Distances by which the goal differs, from little to much, apart from 0, which is no difference on every axis.
    package var values: [Double] {
        switch self {
        case .cameraShift: [1, 2, 4, 8, 16, 32]
        case .cameraTurn: [1, 2, 4, 8, 16]
        case .cameraZoom: [2, 4, 8, 16, 32]
        case .cameraOrbit: [2, 5, 10, 20, 45, 90]
        case .darker, .brighter: [10, 20, 40, 60]
        case .objectMoved: [1, 2, 4, 8]
        case .objectColour: [25, 50, 100]
        case .armAway, .channelsSwapped: [1]
        case .distractorAdded: [1, 2]
        case .distractorMoved: [1, 2, 4, 8]
        // JPEG quality is 100 less this.
        case .jpeg: [5, 20, 50, 80, 95]
        }
    }

    /// Whether the difference is there or is not: between 0 and 1 there is nothing.
    package var isSwitch: Bool { self == .armAway || self == .channelsSwapped }

    package var unit: String {
        switch self {
        case .cameraShift: "px of 256"
        case .cameraTurn, .cameraOrbit: "degrees"
        case .cameraZoom: "% larger or smaller"
        case .darker, .brighter: "% of the lamp"
        case .objectMoved, .distractorMoved: "cm"
        case .objectColour: "% of the way to another object's"
        case .armAway, .channelsSwapped: "0 no, 1 yes"
        case .distractorAdded: "objects"
        case .jpeg: "100 less the quality"
        }
    }

    /// How the goal differs, in a few words.
    package var words: String {
        switch self {
        case .cameraShift: "camera shifted: it looks a little to one side"
        case .cameraTurn: "camera turned about its line of sight"
        case .cameraZoom: "camera zoomed in or out"
        case .cameraOrbit: "goal from another camera, round the scene"
        case .darker: "lamp darker in the goal"
        case .brighter: "lamp brighter in the goal"
        case .objectMoved: "object elsewhere in the goal"
        case .objectColour: "object of another colour in the goal"
        case .armAway: "arm away in the goal"
        case .distractorAdded: "things in the goal that are not in the scene"
        case .distractorMoved: "another object elsewhere in the goal"
        case .channelsSwapped: "red and blue swapped in the goal"
        case .jpeg: "goal compressed as JPEG"
        }
    }
}

/// A difference between goal and scene, along one axis.
package struct GoalChange: Hashable, Sendable {
    /// The axis along which the goal differs; nil: no difference.
    package let axis: GoalAxis?
    /// Distance in the axis' unit, above 0; 0 without an axis.
    package let value: Double

    package static let none = GoalChange(nil, 0)

    /// A value of 0 is no difference, whatever the axis: equal to `none`, so that one episode stands for all axes.
    package init(_ axis: GoalAxis?, _ value: Double) {
        self.axis = value == 0 ? nil : axis
        self.value = axis == nil ? 0 : value
    }

    /// The value where it is of this axis, else 0.
    func amount(of axis: GoalAxis) -> Double { self.axis == axis ? value : 0 }
}
