//! Files that go by: what is put waits for the server's word, what is fetched in parts for the rest of them.
use super::body::{File, Length, Range, Told, about, is_file};
use super::head::Head as Message;
use super::{Http, MOST_WAITING, Request};
use crate::protocols::carried::{About, Content, base};
use crate::{Cx, Op, Outcome, Side, Verb};

/// A file of which parts came.
pub(super) struct Parted {
    about: About,
    content: Content,
    total: u64,
}

impl Http {
    /// A file is through, or broken off. What was put waits for the server's word.
    pub(super) fn end(&mut self, cx: &mut Cx<'_>, side: Side, whole: bool) {
        let Some(file) = self.half(side).file.take() else {
            return;
        };
        let upload = file.about.upload;
        let answered = file.is_answered();
        let range = file.range;
        if let Some(total) = file.part_of() {
            let (about, content, op) = file.into_part();
            if let Some(op) = op {
                let part = Op {
                    outcome: about.outcome,
                    content_bytes: range.filter(|_| whole).map(Range::bytes),
                    ..op
                };
                cx.operation(Side::Client, part);
            }
            let whole = content.is_whole(total);
            self.parted = Some(Box::new(Parted {
                about,
                content,
                total,
            }));
            if whole {
                self.leave_parts(cx);
            }
            return;
        }
        let told = file.finish(cx, whole);
        if upload && !answered && whole {
            self.put_by(cx, told);
        } else {
            told.tell(cx);
        }
    }

    /// Keeps what was put until the server says what became of it. What there is no room for is told without that.
    fn put_by(&mut self, cx: &mut Cx<'_>, told: Told) {
        self.put.push_back((self.putting, told));
        let mut files: usize = self.put.iter().map(|(_, told)| told.files.len()).sum();
        while self.put.len() > MOST_WAITING || files > MOST_WAITING && self.put.len() > 1 {
            let Some((_, oldest)) = self.put.pop_front() else {
                return;
            };
            files = files.saturating_sub(oldest.files.len());
            oldest.tell(cx);
        }
    }

    /// What the request of that number put, if all of it came.
    pub(super) fn take_put(&mut self, number: u64) -> Option<Told> {
        let place = self.put.iter().position(|(known, _)| *known == number)?;
        self.put.remove(place).map(|(_, told)| told)
    }

    /// A file that was fetched in parts gets no more of them.
    pub(super) fn leave_parts(&mut self, cx: &mut Cx<'_>) {
        let Some(parted) = self.parted.take() else {
            return;
        };
        let Parted {
            mut about,
            content,
            total,
        } = *parted;
        let sum = content.finish(Some(total), false);
        if sum.complete {
            about.detail = Some("put together of parts".to_owned());
        }
        cx.file(about, sum);
    }

    /// The body of an answer.
    pub(super) fn fetched(
        &mut self,
        cx: &mut Cx<'_>,
        side: Side,
        head: &Message<'_>,
        request: Option<&Request>,
        (status, outcome): (u16, Outcome),
        length: Length,
    ) {
        let path = request.and_then(|request| request.path.clone());
        let keeps = matches!(status, 200 | 206) && is_file(head, path.as_deref());
        let asked = request.map(|request| request.asked.clone());
        let fetched = request.is_some_and(|request| request.method == "GET");
        let op = (keeps && fetched).then(|| Op {
            object: head.file_name().or_else(|| path.clone()),
            outcome: Some(outcome),
            asked: asked.clone(),
            ..Op::new(Verb::FileRead)
        });
        let about = About {
            sender: Some(side),
            name: head.file_name().or_else(|| path.as_deref().and_then(base)),
            page: !keeps,
            user: self.user.clone(),
            outcome: Some(outcome),
            ..about(false, path, asked)
        };
        let mut file = File::new(cx, about, op, head, length, status == 206);
        // Another part of the file that came in parts before.
        let parted = self.parted.take();
        match (parted, file.range) {
            (Some(parted), Some(range))
                if Some(parted.total) == range.total && parted.about.path == file.about.path =>
            {
                file.about.asked = parted.about.asked;
                file.join(parted.content);
            }
            (parted, _) => {
                self.parted = parted;
                self.leave_parts(cx);
            }
        }
        file.begin();
        self.half(side).file = Some(file);
    }
}
