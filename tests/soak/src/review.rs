//! A flagged order is reviewed: by one reviewer, or by two at once who disagree.

use std::collections::BTreeSet;

use anyhow::Result;
use fraud::{Reason, Verdict};
use futures_util::future::join_all;
use switchyard_events::OrderId;
use yard::review::{ReviewFinding, ReviewReport, decide};
use yard::{Cloud, Stack};

use crate::order_log::{OrderLog, Review};

/// What is known after an attempt.
#[derive(Debug, Default, PartialEq, Eq)]
struct Conclusion {
    /// The decision that counts.
    decision: Option<Review>,
    /// Whether the order was cancelled before a decision.
    is_cancelled: bool,
    /// What no reviewer should ever read.
    wrong: Option<&'static str>,
}

impl Conclusion {
    /// `is_first` is whether no attempt was made before. Failed reviews may have decided, too.
    fn new(results: &[Result<ReviewReport>], is_first: bool) -> Self {
        let reports: Vec<_> = results.iter().flatten().collect();
        let mut decisions = BTreeSet::new();
        let (mut is_cancelled, mut not_flagged) = (false, false);
        for report in &reports {
            match &report.finding {
                ReviewFinding::Decided(decision) => drop(decisions.insert(decision.verdict == Verdict::Confirmed)),
                ReviewFinding::Cancelled { .. } => is_cancelled = true,
                ReviewFinding::NotFlagged => not_flagged = true,
                ReviewFinding::NotScored => {}
            }
        }
        let winners = reports.iter().filter(|report| report.done).count();
        let is_unknown_winner_possible = !is_first || reports.len() < results.len();
        let wrong = match (winners, decisions.len()) {
            (2.., _) => Some("two reviews have decided it"),
            (_, 2..) => Some("two reviews name different decisions"),
            (0, 1) if !is_unknown_winner_possible => Some("it was decided before its first review"),
            _ if not_flagged => Some("it is not flagged"),
            _ => None,
        };
        let decision = decisions.first().map(|confirmed| if *confirmed { Review::Confirmed } else { Review::Rejected });
        Self { decision, is_cancelled, wrong }
    }

    fn is_clear(&self) -> bool {
        self.decision.is_some() || self.is_cancelled || self.wrong.is_some()
    }
}

/// Reviews an order, once per verdict and all at once, as `yard review` does. Returns whether the outcome is clear; it is not if the order
/// is not scored yet.
pub(crate) async fn review(
    (cloud, stack): (&Cloud, &Stack),
    order_id: &str,
    verdicts: &[Verdict],
    is_first: bool,
    log: &OrderLog,
) -> bool {
    let review = async |verdict: Verdict| {
        let reason: Reason = "reviewed by the soak".parse()?;
        decide(cloud, stack, &OrderId::parse(order_id)?, verdict, reason).await
    };
    let results = join_all(verdicts.iter().map(|verdict| review(*verdict))).await;
    let conclusion = Conclusion::new(&results, is_first);
    log.with(|outcomes| {
        let failed = results.iter().filter(|result| result.is_err()).count();
        if failed > 0 {
            *outcomes.unclear.entry("failed reviews".into()).or_default() += failed as u64;
        }
        if let Some(wrong) = conclusion.wrong {
            outcomes.wrong_answers.push(format!("the review of {order_id}: {wrong}: {results:?}"));
        }
        if let Some(decision) = conclusion.decision {
            outcomes.reviews.insert(order_id.to_owned(), decision);
        } else if conclusion.is_cancelled {
            outcomes.cancelled_before_review += 1;
        }
    });
    conclusion.is_clear()
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::anyhow;
    use fraud::StoredDecision;

    /// `C` and `R` decide, `c` and `r` name an earlier decision, `x` is cancelled, `n` not scored, `f` not flagged, `!` failed.
    fn conclude(answers: &str, is_first: bool) -> (Option<Review>, bool, bool) {
        let report = |answer: char| {
            let verdict = if answer.eq_ignore_ascii_case(&'c') { Verdict::Confirmed } else { Verdict::Rejected };
            let finding = match answer {
                '!' => return Err(anyhow!("no answer")),
                'x' => ReviewFinding::Cancelled { cancelled_at: None },
                'n' => ReviewFinding::NotScored,
                'f' => ReviewFinding::NotFlagged,
                _ => ReviewFinding::Decided(StoredDecision { verdict, reviewer: None, reason: None, decided_at: None }),
            };
            Ok(ReviewReport { order_id: "ord_1".into(), done: answer.is_uppercase(), finding })
        };
        let conclusion = Conclusion::new(&answers.chars().map(report).collect::<Vec<_>>(), is_first);
        (conclusion.decision, conclusion.is_clear(), conclusion.wrong.is_some())
    }

    #[test]
    fn exactly_one_of_two_reviews_decides() {
        let (confirmed, rejected) = (Some(Review::Confirmed), Some(Review::Rejected));
        for (answers, decision) in
            [("C", confirmed), ("Cc", confirmed), ("rR", rejected), ("R!", rejected), ("!r", rejected)]
        {
            assert_eq!(conclude(answers, true), (decision, true, false), "{answers}");
        }
        for answers in ["CR", "CC", "Cr", "cr", "cc", "c", "f"] {
            assert!(conclude(answers, true).2, "{answers}");
        }
        assert_eq!(conclude("cc", false), (confirmed, true, false), "an attempt before has decided");
    }

    #[test]
    fn review_without_decision_is_repeated_unless_cancelled() {
        for (answers, is_clear) in [("x", true), ("xx", true), ("x!", true), ("n", false), ("nn", false), ("!", false)]
        {
            assert_eq!(conclude(answers, true), (None, is_clear, false), "{answers}");
        }
    }
}
