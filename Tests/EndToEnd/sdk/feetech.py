"""Drives STS3215 servos 1 to 6 at the given port with the vendor's own library (PyPI: feetech-servo-sdk)."""

import sys

from checks import check, done, wait
from scservo_sdk import (
    COMM_RX_TIMEOUT,
    COMM_SUCCESS,
    GroupSyncRead,
    GroupSyncWrite,
    PacketHandler,
    PortHandler,
    SCS_HIBYTE,
    SCS_LOBYTE,
    SCS_TOHOST,
    SCS_TOSCS,
)

MINIMUM, HOMING, MODE, TORQUE, ACCELERATION, GOAL, LOCK = 9, 31, 33, 40, 41, 42, 55
POSITION, VOLTAGE = 56, 62
IDS = range(1, 7)
GOOD = (COMM_SUCCESS, 0)


def word(value):
    return [SCS_LOBYTE(value), SCS_HIBYTE(value)]


port = PortHandler(sys.argv[1])
servos = PacketHandler(0)
check("the port opens", port.openPort() and port.setBaudRate(1_000_000), True)


def position(id):
    value, *result = servos.read2ByteTxRx(port, id, POSITION)
    return (SCS_TOHOST(value, 15), *result)


def stands_at(id, pulses):
    return lambda: abs(position(id)[0] - pulses) <= 1


# Who is there.
for id in IDS:
    check(f"ping {id}", servos.ping(port, id), (777, *GOOD))
check("ping of nobody", servos.ping(port, 9)[1], COMM_RX_TIMEOUT)

# Registers, and signs in front of magnitudes.
check("position", position(1), (2048, *GOOD))
check("voltage", servos.read1ByteTxRx(port, 1, VOLTAGE), (120, *GOOD))
check("mode", servos.read1ByteTxRx(port, 1, MODE), (0, *GOOD))
check("lock is set", servos.read1ByteTxRx(port, 1, LOCK), (1, *GOOD))
check("lock", servos.write1ByteTxRx(port, 1, LOCK, 0), GOOD)
check("minimum", servos.write2ByteTxRx(port, 1, MINIMUM, 300), GOOD)
check("minimum is 300", servos.read2ByteTxRx(port, 1, MINIMUM), (300, *GOOD))
check("homing", servos.write2ByteTxRx(port, 2, HOMING, SCS_TOSCS(-100, 11)), GOOD)
check("homing is -100", servos.read2ByteTxRx(port, 2, HOMING), (100 | 1 << 11, *GOOD))
check("present is actual minus homing", position(2), (2148, *GOOD))
check("homing", servos.write2ByteTxRx(port, 2, HOMING, 2047), GOOD)
check("homing", servos.write2ByteTxRx(port, 2, HOMING, 0), GOOD)
check("present is actual", position(2), (2048, *GOOD))

# A goal counts once torque is on.
check("goal", servos.write2ByteTxRx(port, 1, GOAL, 2300), GOOD)
check("without torque it stays", position(1), (2048, *GOOD))
check("torque", servos.write1ByteTxRx(port, 1, TORQUE, 1), GOOD)
wait("servo 1 at 2300", stands_at(1, 2300))
check("goal below the minimum", servos.write2ByteTxRx(port, 1, GOAL, 100), GOOD)
wait("servo 1 at its minimum", stands_at(1, 300))

# A write that waits for its action.
check("registered goal", servos.regWriteTxRx(port, 1, GOAL, 2, word(1000)), GOOD)
check("it waits", abs(position(1)[0] - 300) <= 1, True)
check("action", servos.action(port, 254), COMM_SUCCESS)
wait("servo 1 at 1000", stands_at(1, 1000))

# All at once: goals alone, then acceleration, goal, time and speed.
goals = {1: 2048, 2: 1500, 3: 2500, 4: 2048, 5: 1024, 6: 2600}
for id in IDS:
    check("goal where it stands", servos.write2ByteTxRx(port, id, GOAL, position(id)[0]), GOOD)
    check("torque", servos.write1ByteTxRx(port, id, TORQUE, 1), GOOD)
write = GroupSyncWrite(port, servos, GOAL, 2)
for id, goal in goals.items():
    check("sync write takes it", write.addParam(id, word(goal)), True)
check("sync write", write.txPacket(), COMM_SUCCESS)
for id, goal in goals.items():
    wait(f"servo {id} at {goal}", stands_at(id, goal))
read = GroupSyncRead(port, servos, POSITION, 8)
for id in IDS:
    check("sync read takes it", read.addParam(id), True)
check("sync read", read.txRxPacket(), COMM_SUCCESS)
for id, goal in goals.items():
    check(f"sync read has servo {id}", read.isAvailable(id, POSITION, 2), True)
    check(f"sync read of servo {id}", abs(read.getData(id, POSITION, 2) - goal) <= 1, True)
    check(f"voltage of servo {id}", read.getData(id, VOLTAGE, 1), 120)
write = GroupSyncWrite(port, servos, ACCELERATION, 7)
for id in (1, 2):
    check("sync write takes it", write.addParam(id, [254] + word(1800) + word(0) + word(3000)), True)
check("sync write", write.txPacket(), COMM_SUCCESS)
for id in (1, 2):
    wait(f"servo {id} at 1800", stands_at(id, 1800))
    check("acceleration", servos.read1ByteTxRx(port, id, ACCELERATION), (254, *GOOD))
    check("speed", servos.read2ByteTxRx(port, id, 46), (3000, *GOOD))

# 128 calls where it stands the middle.
check("torque off", servos.write1ByteTxRx(port, 3, TORQUE, 0), GOOD)
check("this is the middle", servos.write1ByteTxRx(port, 3, TORQUE, 128), GOOD)
check("it is in the middle", position(3), (2048, *GOOD))
port.closePort()
done()
