"""Writes readings.csv and windows.csv: a tipping-bucket gauge over 14 days, and its rain windows counted from the tips.

The windows do not come from the counter: the script knows how many tips of 0.2 mm fell in each 10 minutes (`tips`) and adds those up
as whole numbers. The counter is what a device would have sent of the same rain:

* it adds 0.2 mm a tip from 137.4 mm on;
* it is reset twice (power cut on day 4 in the rain, service on day 9 when it is dry): the next reading counts from zero;
* 31 readings of a dry stretch on day 6 were never sent.

Weather: a long rain on days 2 and 3, showers every afternoon, a cloudburst on day 8 (12 tips = 2.4 mm in 10 minutes, up to 30).
"""

import csv
import random

STEPS = 14 * 144
RESETS = {3 * 144 + 70, 8 * 144 + 30}
UNSENT = range(5 * 144 + 20, 5 * 144 + 51)
HOURS = (1, 3, 6, 12, 24, 48, 72)

random.seed(20260601)
tips = [0] * STEPS
for step in range(STEPS):
    day, part = divmod(step, 144)
    if day in (1, 2) or 3 * 144 + 40 <= step < 3 * 144 + 100:
        tips[step] = random.choice((0, 1, 1, 2, 3, 5))
    elif 84 <= part < 100 and random.random() < 0.6:
        tips[step] = random.randint(0, 6)
    elif day == 7 and 60 <= part < 72:
        tips[step] = random.randint(12, 30)
for step in UNSENT:
    tips[step] = 0
tips[UNSENT.stop] = 0  # dry until the first reading after the gap
tips[8 * 144 + 30] = 0  # the service visit: dry

counted = 687  # 137.4 mm
with open("readings.csv", "w", newline="") as out:
    rows = csv.writer(out)
    rows.writerow(("minute", "counter_mm"))
    for step in range(STEPS):
        counted = tips[step] if step in RESETS else counted + tips[step]
        if step not in UNSENT:
            rows.writerow((step * 10, f"{counted * 0.2:.1f}"))

# Tips of a reading's own 10 minutes lie before it; the first reading's are unknown to whoever reads the counter.
with open("windows.csv", "w", newline="") as out:
    rows = csv.writer(out)
    rows.writerow(["minute"] + [f"r{hours}_mm" for hours in HOURS] + ["full"])
    for step in range(1, STEPS):
        if step in UNSENT:
            continue
        sums = [sum(tips[max(step - 6 * hours + 1, 1):step + 1]) for hours in HOURS]
        full = sum(step >= 6 * hours for hours in HOURS)
        rows.writerow([step * 10] + [f"{tip * 0.2:.1f}" for tip in sums] + [full])
