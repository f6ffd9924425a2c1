import Maths

/// Grasps the object, carries it into the tray and lets it go there.
extension ScriptedExpert {
    /// How far the object may be from the tray's middle when it is lowered: metres, from above and below the rim.
    private static let (loweringTolerance, innerTolerance) = (0.008, 0.02)

    func pickPlace(_ seen: Observation) -> Intent {
        if isInTray(seen) { return letGo(seen) }
        return holds(seen) ? bringToTray(seen) : grasp(seen)
    }

    /// Whether the object is between the fingers, by where both are.
    /// - Parameter isFirm: within what a grasp may begin with; else within what it may become.
    func surrounds(_ seen: Observation, isFirm: Bool) -> Bool {
        let offset = seen.object.translation - seen.tool.translation
        let depth = graspHeight - object.height / 2 + offset.z
        return Self.level(offset).length < (isFirm ? 0.009 : 0.018) && abs(depth) < (isFirm ? Self.near : 0.02)
    }

    /// Whether the object goes where the tool goes.
    func holds(_ seen: Observation) -> Bool { surrounds(seen, isFirm: false) && isClosed(seen) }

    /// Whether the object stands in the tray, or is held so low in it that it may be let go.
    private func isInTray(_ seen: Observation) -> Bool {
        guard let tray else { return false }
        let place = seen.object.translation
        let bottom = place.z - object.height / 2
        return surrounds(seen, isFirm: false)
            ? bottom < WorldModel.trayFloor + 0.008 && tray.holds(place, margin: object.size / 2)
            : bottom < object.height / 2 && tray.holds(place)
    }

    /// Opens, and when the gripper is measured open rises.
    private func letGo(_ seen: Observation) -> Intent {
        guard isOpen(seen) else { return Intent(target: nil, gripper: 1) }
        guard seen.tool.translation.z < Self.travelHeight - Self.near else {
            return Intent(target: nil, gripper: 1, isDone: true)
        }
        var target = seen.tool
        target.translation.z = Self.travelHeight
        return Intent(target: target, gripper: 1)
    }

    /// Moves up, over the tray, and down into it; the object, not the tool, is to be in its middle.
    private func bringToTray(_ seen: Observation) -> Intent {
        let place = seen.object.translation
        let goal = tray?.position ?? [place.x, place.y]
        let aside = Vector3(goal.x - place.x, goal.y - place.y, 0)
        let bottom = place.z - object.height / 2
        var target = seen.tool
        if aside.length < (bottom > WorldModel.trayHeight + 0.012 ? Self.loweringTolerance : Self.innerTolerance) {
            target.translation += aside + [0, 0, WorldModel.trayFloor + 0.004 - bottom]
        } else {
            // What is carried must not knock over what stands there.
            if bottom > Self.passingHeight - WorldModel.fingertip - 0.01 { target.translation += aside }
            target.translation.z = Self.travelHeight
        }
        return Intent(target: target, gripper: 0)
    }

    /// Goes above the object, down with open fingers, and closes.
    private func grasp(_ seen: Observation) -> Intent {
        let (tool, place) = (seen.tool.translation, seen.object.translation)
        var target = Pose(rotation: graspRotation(seen), translation: place)
        let aside = Self.level(place - tool).length
        let turned = Self.angle(seen.tool.rotation, target.rotation)
        // Closing moves both a little: what has begun is not given up for that.
        if surrounds(seen, isFirm: gripper == 1), turned < (gripper == 1 ? Self.aligned : 3 * Self.aligned) {
            return Intent(target: nil, gripper: 0)
        }
        let isOpen = seen.opening > Self.wideOpen
        if tool.z < clearHeight - 0.012, aside > 0.012 || turned > 3 * Self.aligned || !isOpen {
            // Beside the object, or closed: straight up, and once more.
            target = seen.tool
            target.translation.z = aside > 0.03 ? Self.travelHeight : clearHeight
        } else if aside < (tool.z < clearHeight ? 0.012 : 0.008), turned < Self.aligned, isOpen {
            target.translation.z = graspHeight
        } else {
            target.translation.z = aside < 0.03 ? clearHeight : Self.travelHeight
        }
        return Intent(target: target, gripper: 1)
    }
}
