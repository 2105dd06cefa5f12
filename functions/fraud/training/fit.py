"""Logistic regression and its quality measure (AUC), without a library."""

import math
import sys

RIDGE = 1.0  # the penalty; keeps a weight small if the data give little evidence for it
DIGITS = 6  # the decimal places of weights, means and deviations in the file


def moments(rows: list[list[float]]) -> list[tuple[float, float]]:
    """Mean and deviation of each feature, rounded as in the file. A constant feature gets the deviation 1."""
    result = []
    for column in zip(*rows):
        mean = math.fsum(column) / len(column)
        deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in column) / len(column))
        result.append((round(mean, DIGITS), round(deviation, DIGITS) or 1.0))
    return result


def standardised(row: list[float], moments_: list[tuple[float, float]]) -> list[float]:
    return [(value - mean) / deviation for value, (mean, deviation) in zip(row, moments_)]


def fit(rows: list[list[float]], labels: list[int]) -> list[float]:
    """Intercept and weights of the ridge-penalised logistic regression, by Newton's method."""
    rows = [[1.0, *row] for row in rows]
    size = len(rows[0])
    weights = [0.0] * size
    for _ in range(50):
        gradient = [-RIDGE * weight if place else 0.0 for place, weight in enumerate(weights)]
        hessian = [[RIDGE if i == j and i else 0.0 for j in range(size)] for i in range(size)]
        for row, label in zip(rows, labels):
            odds = sum(weight * value for weight, value in zip(weights, row))
            chance = 1.0 / (1.0 + math.exp(-max(odds, -700.0)))
            error, curve = label - chance, chance * (1.0 - chance)
            for i, value in enumerate(row):
                gradient[i] += error * value
                scaled = curve * value
                for j in range(i + 1):
                    hessian[i][j] += scaled * row[j]
        for i in range(size):
            for j in range(i):
                hessian[j][i] = hessian[i][j]
        step = solve(hessian, gradient)
        weights = [weight + change for weight, change in zip(weights, step)]
        if max(map(abs, step)) < 1e-10:
            return weights
    sys.exit("the fit does not converge: is one feature a copy of the label?")


def solve(matrix: list[list[float]], right: list[float]) -> list[float]:
    """Gaussian elimination with pivots."""
    size = len(right)
    rows = [[*row, value] for row, value in zip(matrix, right)]
    for place in range(size):
        pivot = max(range(place, size), key=lambda row: abs(rows[row][place]))
        rows[place], rows[pivot] = rows[pivot], rows[place]
        for row in range(place + 1, size):
            factor = rows[row][place] / rows[place][place]
            rows[row] = [value - factor * above for value, above in zip(rows[row], rows[place])]
    result = [0.0] * size
    for place in reversed(range(size)):
        known = sum(rows[place][other] * result[other] for other in range(place + 1, size))
        result[place] = (rows[place][size] - known) / rows[place][place]
    return result


def auc(scores: list[float], labels: list[int]) -> float:
    """The probability that a fraud scores above an honest order; ties count half."""
    ranked = sorted(zip(scores, labels))
    ranks, place = 0.0, 0
    while place < len(ranked):
        end = place
        while end < len(ranked) and ranked[end][0] == ranked[place][0]:
            end += 1
        ranks += sum(label for _, label in ranked[place:end]) * (place + 1 + end) / 2.0
        place = end
    frauds = sum(labels)
    return (ranks - frauds * (frauds + 1) / 2.0) / (frauds * (len(labels) - frauds))
